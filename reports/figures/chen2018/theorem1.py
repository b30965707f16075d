"""Theorem 1 of Chen et al. 2018: the change of variables, the mass, the cost against the width, and the way back."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.figures.curves import legend_below, lines, seeds_in_words
from reports.figures.drawing import Drawing, Evidence
from reports.figures.theme import DASHES, MARKERS, WIDTH, colours, text_colour

SMALLEST = 1e-17
"""Stands for an error of exactly zero on a logarithmic axis."""

COSTS = {
    "evaluation": "CNF: evaluation with trace",
    "determinant": "NF: determinant, M x M",
    "narrow_determinant": "NF: determinant, d x d",
}
MASSES = {"mass_error": "density with its trace", "untraced_mass_error": "control: without the trace"}
DIRECTIONS = {"forward": "forwards", "reverse": "backwards"}


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw every consequence of the theorem that was measured."""
    return {
        "change": _change(evidence),
        "cost": _cost(evidence, "macs", "Operations against the width", "multiply-accumulates per point"),
        "time": _cost(evidence, "seconds", "Time against the width", "time per point [s]"),
        "mass": _mass(evidence),
        "reversal": _directions(evidence, "nfe", "Evaluations of both directions", "evaluations"),
        "reversal-time": _directions(evidence, "seconds", "Time of both directions", "time [s]"),
    }


def _change(evidence: Evidence) -> Drawing:
    title = "Integrated trace against the Jacobian's determinant"
    rows = evidence.metric("change_error", "tolerance")
    if rows.empty:
        return Drawing.missing(title, "change_error")
    shown = rows.assign(value=rows["value"].clip(lower=SMALLEST))
    figure = Figure(figsize=(WIDTH, 3.6))
    axes = figure.subplots()
    lines(axes, shown, "tolerance", evidence)
    limits = sorted(rows["tolerance"].unique())
    axes.plot(limits, limits, color=text_colour(), linewidth=1, linestyle=":", label="the tolerance")
    axes.set(xscale="log", yscale="log", xlabel="tolerance, relative and absolute", ylabel="largest difference [nats]")
    axes.invert_xaxis()
    legend_below(figure, axes, columns=4)
    tightest = shown[shown["tolerance"] == limits[0]].groupby("variant")["value"].max()
    words = "; ".join(f"{name}: {tightest[name]:.2g}" for name in evidence.present(shown) if name in tightest)
    return Drawing(
        title,
        figure,
        "Largest difference over the samples between the change of log p by the trace and by log |det| of the solved "
        f"flow's Jacobian. {seeds_in_words(rows)}",
        f"Difference against tolerance, on logarithmic axes. At the tolerance {limits[0]:g}, {words}.",
    )


def _cost(evidence: Evidence, quantity: str, title: str, label: str) -> Drawing:
    curves = {words: evidence.metric(f"{name}_{quantity}", "width") for name, words in COSTS.items()}
    return _log_curves(curves, "width", title, label, "width M", f"evaluation_{quantity}", slopes=(1, 3))


def _mass(evidence: Evidence) -> Drawing:
    mass = evidence.metric("mass", "t")
    curves = {
        MASSES["mass_error"]: mass.assign(value=(mass["value"] - 1).abs().clip(lower=SMALLEST)),
        MASSES["untraced_mass_error"]: evidence.metric("untraced_mass_error", "t"),
    }
    return _log_curves(curves, "t", "Mass on a grid", "distance of the mass from 1", "time t", "mass", rule=0.01)


def _directions(evidence: Evidence, quantity: str, title: str, label: str) -> Drawing:
    metrics = {words: f"{quantity}_{name}" for name, words in DIRECTIONS.items()}
    curves = {
        words: (found := evidence.metric(metric, "tolerance"))[found["variant"] == "reversal"]
        for words, metric in metrics.items()
    }
    return _log_curves(
        curves, "tolerance", title, label, "tolerance, relative and absolute", f"{quantity}_reverse", falling=True
    )


def _log_curves(
    curves: dict[str, pd.DataFrame],
    axis: str,
    title: str,
    label: str,
    x: str,
    metric: str,
    *,
    slopes: tuple[int, ...] = (),
    rule: float | None = None,
    falling: bool = False,
) -> Drawing:
    """Draw some metrics against an axis on a logarithmic ordinate: the mean over seeds with their range."""
    curves = {name: rows for name, rows in curves.items() if not rows.empty}
    if not curves:
        return Drawing.missing(title, metric)
    figure = Figure(figsize=(WIDTH, 3.6))
    axes = figure.subplots()
    palette = colours(list(curves))
    words = []
    for index, (name, rows) in enumerate(curves.items()):
        by_axis = rows.groupby(axis)["value"]
        mean, low, high = by_axis.mean(), by_axis.min(), by_axis.max()
        dashes = {"dashes": DASHES[index]} if DASHES[index] else {}
        axes.plot(mean.index, mean, color=palette[name], marker=MARKERS[index], label=name, **dashes)
        axes.fill_between(mean.index, low, high, color=palette[name], alpha=0.2, linewidth=0)
        words.append(f"{name}: {mean.iloc[0]:.3g} at {mean.index[0]:g}, {mean.iloc[-1]:.3g} at {mean.index[-1]:g}")
    axes.set(yscale="log", xlabel=x, ylabel=label)
    if axis != "t":
        axes.set_xscale("log", base=10 if axis == "tolerance" else 2)
    if falling:
        axes.invert_xaxis()
    _slopes(axes, curves, axis, slopes)
    if rule is not None:
        axes.axhline(rule, color=text_colour(), linewidth=1, linestyle=":", label="1 %")
    legend_below(figure, axes, columns=2)
    shown = next(iter(curves.values()))
    return Drawing(title, figure, seeds_in_words(shown), f"{label} against {x}. {'; '.join(words)}.")


def _slopes(axes: Axes, curves: dict[str, pd.DataFrame], axis: str, slopes: tuple[int, ...]) -> None:
    """Draw straight lines of the published exponents through the last point of the curve each belongs to."""
    for slope, rows in zip(slopes, curves.values(), strict=False):
        mean = rows.groupby(axis)["value"].mean()
        x = np.asarray(mean.index, dtype=float)[-4:]
        axes.plot(
            x, 2.5 * mean.iloc[-1] * (x / x[-1]) ** slope, color=text_colour(), linewidth=1,
            linestyle=":" if slope == 1 else "-.",
            label=f"slope {slope}, as published",
        )  # fmt: skip
