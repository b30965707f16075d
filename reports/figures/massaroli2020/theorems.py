"""The theorems of Massaroli et al. 2020: errors of gradients, their limits, and identities at a glance."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.figures.curves import legend_below, seeds_in_words
from reports.figures.drawing import Drawing, Evidence
from reports.figures.theme import DASHES, MARKERS, WIDTH, colours, text_colour

SMALLEST = 1e-17
"""Stands for an error of exactly zero on a logarithmic axis."""

WAYS = {
    "autograd": "through the steps",
    "adjoint": "generalised adjoint",
    "costate": "costate, as printed",
}
PILOT = "massaroli2020/theorems/generalised-adjoint/gradient_error"

IDENTITIES = {
    "batch of an integral loss": ("generalised-adjoint", "batch_error", 1e-8),
    "stacked: own piece": ("stacked-gradient", "own_piece_error", 1e-6),
    "perturbed parameters": ("functional-gradient", "bump_error", 1e-6),
    "depth gradient": ("depth-gradient", "gradient_error", 1e-8),
    "depths of their own": ("depth-gradient", "separate_error", 1e-8),
    "proposition 2": ("proposition-2", "closed_form_error", 1e-9),
    "appendix B.4": ("universality", "carried_error", 1e-12),
    "harmonic oscillator": ("higher-orders", "oscillator_error", 1e-9),
    "companion systems": ("higher-orders", "companion_error", 1e-9),
}
"""What is exact up to the solver: variant, metric, and what is asked of it."""


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw every figure of the page."""
    return {
        "generalised-adjoint": _ways(evidence, "generalised-adjoint", "Gradient by constant parameters"),
        "spectral-gradient": _ways(evidence, "spectral-gradient", "Gradient by coefficients of a series"),
        "limits": _limits(evidence),
        "identities": _identities(evidence),
        "proposition-2": _proposition(evidence),
        "memory": _memory(evidence),
    }


def _ways(evidence: Evidence, variant: str, title: str) -> Drawing:
    rows = evidence.metric("gradient_error", "way", "tolerance", "wrt")
    rows = rows[rows["variant"] == variant]
    if rows.empty:
        return Drawing.missing(title, "gradient_error")
    rows = rows[rows["wrt"] == "parameters"]
    figure = Figure(figsize=(WIDTH, 3.6))
    axes = figure.subplots()
    curves = {words: rows[rows["way"] == way] for way, words in WAYS.items()}
    _curves(axes, curves, "tolerance")
    limits = [float(rows["tolerance"].min()), float(rows["tolerance"].max())]
    axes.plot(limits, limits, color=text_colour(), linewidth=1, linestyle=":", label="the tolerance")
    pilot = evidence.published.get(PILOT)
    if variant == "spectral-gradient" and pilot is not None and pilot.x and pilot.y:
        axes.plot(pilot.x, pilot.y, "+", color=text_colour(), markersize=9, label="planning run of ours")
    axes.set(xscale="log", yscale="log", xlabel="tolerance, relative and absolute", ylabel="relative error of gradient")
    axes.invert_xaxis()
    legend_below(figure, axes, columns=2)
    tightest = rows[rows["tolerance"] == limits[0]].groupby("way")["value"].mean()
    words = "; ".join(f"{words}: {tightest[way]:.2g}" for way, words in WAYS.items() if way in tightest)
    return Drawing(
        title,
        figure,
        "Relative error against automatic differentiation through a tight solve of the loss-augmented state, for a "
        f"terminal and a running loss. {seeds_in_words(rows)}",
        f"Error against tolerance, on logarithmic axes. At the tolerance {limits[0]:g}, {words}.",
    )


def _limits(evidence: Evidence) -> Drawing:
    """Draw how stacked gradients and narrow perturbations tend to the gradient as a function of depth."""
    title = "Towards the gradient as a function of depth"
    stacked = evidence.metric("limit_error", "pieces")
    narrow = evidence.metric("pointwise_error", "width", "centre")
    if stacked.empty and narrow.empty:
        return Drawing.missing(title, "limit_error")
    curves = {}
    if not stacked.empty:
        curves["stacked, length of a piece"] = stacked.assign(length=1 / stacked["pieces"].astype(float))
    if not narrow.empty:
        curves["perturbation, half its width"] = narrow.assign(length=narrow["width"].astype(float))
    figure = Figure(figsize=(WIDTH, 3.4))
    axes = figure.subplots()
    _curves(axes, curves, "length")
    first = next(iter(curves.values())).groupby("length")["value"].mean()
    x = [float(first.index.min()), float(first.index.max())]
    y = float(first.iloc[0])
    axes.plot(x, [y, y * (x[1] / x[0]) ** 2], color=text_colour(), linewidth=1, linestyle=":", label="slope 2")
    axes.set(xscale="log", yscale="log", xlabel="length in units of depth", ylabel="relative difference")
    legend_below(figure, axes, columns=2)
    words = "; ".join(
        f"{name}: {rows.groupby('length')['value'].mean().iloc[0]:.2g} at {rows['length'].min():g}"
        for name, rows in curves.items()
    )
    shown = next(iter(curves.values()))
    return Drawing(
        title,
        figure,
        "Difference from theorem 1's gradient at a depth: of stacked gradients divided by the length of their piece, "
        f"and of what a perturbation of the parameters near the depth changes. {seeds_in_words(shown)}",
        f"Relative difference against length, on logarithmic axes. {words}.",
    )


def _identities(evidence: Evidence) -> Drawing:
    title = "Identities"
    found = {}
    for name, (variant, metric, threshold) in IDENTITIES.items():
        rows = evidence.metric(metric)
        rows = rows[rows["variant"] == variant]
        if not rows.empty:
            found[name] = (rows["value"].astype(float).clip(lower=SMALLEST).tolist(), threshold)
    if not found:
        return Drawing.missing(title, "batch_error")
    figure = Figure(figsize=(WIDTH, 1.2 + 0.3 * len(found)))
    axes = figure.subplots()
    palette = colours(["measured"])
    for position, (values, threshold) in enumerate(found.values()):
        axes.plot(values, [position] * len(values), "o", color=palette["measured"], alpha=0.6)
        axes.plot([threshold], [position], "|", color=text_colour(), markersize=14, markeredgewidth=2)
    axes.plot([], [], "o", color=palette["measured"], alpha=0.6, label="a measurement")
    axes.plot([], [], "|", color=text_colour(), markersize=12, markeredgewidth=2, label="largest allowed")
    axes.set_yticks(range(len(found)), list(found))
    axes.invert_yaxis()
    axes.set(xscale="log", xlabel="error (1e-17 stands for none)")
    legend_below(figure, axes)
    words = "; ".join(f"{name}: {max(values):.2g}" for name, (values, _) in found.items())
    return Drawing(
        title,
        figure,
        "Largest differences of each measurement: of gradients relative, of states absolute.",
        f"Largest error of each identity. {words}.",
    )


def _proposition(evidence: Evidence) -> Drawing:
    title = "Reflection by data control"
    rows = evidence.metric("largest_error", "theta")
    if rows.empty:
        return Drawing.missing(title, "largest_error")
    figure = Figure(figsize=(WIDTH, 3.2))
    axes = figure.subplots()
    mean = rows.groupby("theta")["value"].mean()
    palette = colours(["measured"])
    axes.plot(mean.index, mean, "o", color=palette["measured"], label="solved")
    printed = evidence.published.get("massaroli2020/theorems/proposition2/largest_error")
    if printed is not None and printed.x and printed.y:
        axes.plot(printed.x, printed.y, color=text_colour(), linestyle="--", label="2 exp(-θ)")
    axes.set(yscale="log", xlabel="θ", ylabel="largest error on [-1, 1]")
    legend_below(figure, axes)
    return Drawing(
        title,
        figure,
        "Largest distance from -x of the end of dz/ds = -θ (z + x), z(0) = x.",
        f"Error against theta: {'; '.join(f'{value:.3g} at {theta:g}' for theta, value in mean.items())}.",
    )


def _memory(evidence: Evidence) -> Drawing:
    title = "Memory of a running loss"
    rows = evidence.metric("saved_bytes", "way", "steps")
    if rows.empty:
        return Drawing.missing(title, "saved_bytes")
    figure = Figure(figsize=(WIDTH, 3.2))
    axes = figure.subplots()
    curves = {words: rows[rows["way"] == way] for way, words in WAYS.items() if (rows["way"] == way).any()}
    _curves(axes, curves, "steps")
    axes.set(xlabel="steps of rk4", ylabel="kept for the backward pass [B]", yscale="log")
    axes.set_xscale("log", base=2)
    legend_below(figure, axes)
    ends = "; ".join(
        f"{name}: {own.groupby('steps')['value'].mean().iloc[-1]:.3g} at {own['steps'].max():g}"
        for name, own in curves.items()
    )
    return Drawing(title, figure, seeds_in_words(rows), f"Bytes against steps. {ends}.")


def _curves(axes: Axes, curves: dict[str, pd.DataFrame], axis: str) -> None:
    """Draw the mean over seeds and cases along an axis, with their range as a band."""
    palette = colours(list(curves))
    for index, (name, rows) in enumerate(curves.items()):
        by_axis = rows.assign(value=rows["value"].clip(lower=SMALLEST)).groupby(axis)["value"]
        mean = by_axis.mean()
        dashes = {"dashes": DASHES[index]} if DASHES[index] else {}
        axes.plot(mean.index, mean, color=palette[name], marker=MARKERS[index], label=name, **dashes)
        axes.fill_between(mean.index, by_axis.min(), by_axis.max(), color=palette[name], alpha=0.2, linewidth=0)
