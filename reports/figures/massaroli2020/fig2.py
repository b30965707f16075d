"""Figure 2 of Massaroli et al. 2020: trajectories over the signal, errors, parameters beyond training, gradients."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from reports.figures.curves import legend_below, lines, seeds_in_words
from reports.figures.drawing import Drawing, Evidence
from reports.figures.massaroli2020.rows_of_variants import one_legend, panels_below
from reports.figures.theme import WIDTH, colours, text_colour

TRAINED_UNTIL = 1.0
"""End of the training interval, which starts at 0."""
ERRORS = {
    "test_error": ("within training, s up to 1", "o"),
    "extrapolation_error": ("beyond, as the basis goes on", "X"),
    "repeated_extrapolation_error": ("beyond, repeated with the signal's period", "D"),
}
CONTINUATIONS = {"own": "as the basis goes on", "repeated": "repeated with the signal's period"}
GRADIENTS = {"gradient_error": "before training", "trained_gradient_error": "after training"}
WINDOW = 2.2
"""Largest coordinate that is shown; the signal's is 1."""


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw every figure of the page."""
    return {
        "tracking": _trajectories(evidence, "own"),
        "errors": _errors(evidence),
        "distance": _distances(evidence),
        "parameters": _parameters(evidence),
        "tracking-repeated": _trajectories(evidence, "repeated"),
        "training": _training(evidence),
        "gradient": _gradients(evidence),
    }


def _trajectories(evidence: Evidence, continued: str) -> Drawing:
    """Draw the first coordinate of test trajectories over the signal, a panel for each field."""
    title = f"Trajectories over the signal, {CONTINUATIONS[continued]}"
    rows = evidence.metric("trajectory", "continued", "condition", "s")
    rows = rows[rows["continued"] == continued]
    if rows.empty:
        return Drawing.missing(title, "trajectory")
    rows = rows[rows["seed"] == rows["seed"].min()]
    names = evidence.present(rows)
    figure, panels = panels_below(names, height=0.95)
    ink, palette = text_colour(), colours(evidence.known)
    signal = evidence.metric("signal", "s").groupby("s")["value"].mean()
    for name, axes in panels.items():
        _shade(axes)
        axes.plot(signal.index, signal.to_numpy(), color=ink, alpha=0.3, linewidth=4)
        for _, path in rows[rows["variant"] == name].groupby("condition"):
            along = path.sort_values("s")
            axes.plot(along["s"], along["value"].astype(float), color=palette[name], linewidth=1.0)
        axes.set(ylim=(-WINDOW, WINDOW), ylabel="z₁")
    panels[names[-1]].set(xlabel="depth s")
    one_legend(
        figure,
        {
            "signal cos 2πs": Line2D([], [], color=ink, alpha=0.3, linewidth=4),
            "training interval": Patch(color=ink, alpha=0.1, linewidth=0),
        },
    )
    return Drawing(
        title,
        figure,
        f"First coordinate of {rows['condition'].nunique()} test trajectories of one seed, which start farther from "
        "the signal than those of the training (shaded). What leaves the window is cut off.",
        f"Trajectories of {', '.join(names)}. {_means_in_words(evidence)}",
    )


def _shade(axes: Axes) -> None:
    axes.axvspan(0.0, TRAINED_UNTIL, color=text_colour(), alpha=0.1, linewidth=0)


def _means_in_words(evidence: Evidence) -> str:
    sentences = []
    for metric, (words, _) in ERRORS.items():
        rows = evidence.metric(metric)
        means = rows.groupby("variant")["value"].mean()
        listed = ", ".join(f"{name} {means[name]:.3g}" for name in evidence.present(rows))
        sentences.append(f"Mean squared error {words}: {listed}.")
    return " ".join(sentences)


def _errors(evidence: Evidence) -> Drawing:
    """Draw the mean squared errors of every field, inside and outside the training interval."""
    title = "Mean squared errors within and beyond the training interval"
    found = {metric: evidence.metric(metric) for metric in ERRORS}
    rows = pd.concat(found.values())
    if rows.empty:
        return Drawing.missing(title, "extrapolation_error")
    names = evidence.present(rows)
    figure = Figure(figsize=(WIDTH, 1.9 + 0.4 * len(names)))
    axes = figure.subplots()
    ink, palette = text_colour(), colours(list(ERRORS))
    handles: dict[str, Line2D] = {}
    for number, (metric, (words, marker)) in enumerate(ERRORS.items()):
        shift = 0.22 * (number - 1)
        for position, name in enumerate(names):
            values = found[metric].loc[found[metric]["variant"] == name, "value"].astype(float)
            axes.plot(values, [position + shift] * len(values), marker, color=palette[metric], markersize=6)
        handles[words] = Line2D([], [], color=palette[metric], marker=marker, linestyle="", markersize=6)
    axes.axvline(1.0, color=ink, linestyle="--", linewidth=1.2)
    axes.axvline(1e-3, color=ink, linestyle=":", linewidth=1.4)
    handles["standing still at the centre"] = Line2D([], [], color=ink, linestyle="--", linewidth=1.2)
    handles["0.001, our threshold"] = Line2D([], [], color=ink, linestyle=":", linewidth=1.4)
    axes.set(xscale="log", xlabel="mean squared distance from the signal (radius 1)")
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    one_legend(figure, handles, columns=1)
    return Drawing(
        title,
        figure,
        "Each point is a seed. The paper prints no number." + evidence.not_finite("extrapolation_error"),
        _means_in_words(evidence),
    )


def _distances(evidence: Evidence) -> Drawing:
    title = "Distance from the signal along depth"
    rows = evidence.metric("distance", "s")
    rows = rows[rows["value"] > 0]
    if rows.empty:
        return Drawing.missing(title, "distance")
    figure = Figure(figsize=(WIDTH, 4.0))
    axes = figure.subplots()
    _shade(axes)
    lines(axes, rows, "s", evidence)
    axes.set(yscale="log", xlabel="depth s", ylabel="RMS distance (radius of the signal 1)")
    legend_below(figure, axes)
    return Drawing(
        title,
        figure,
        f"{seeds_in_words(rows)} Root mean square over test trajectories, each field as its basis goes on; the "
        "training interval is shaded.",
        "RMS distance at the last depth: " + _last_values(evidence, rows, "s"),
    )


def _last_values(evidence: Evidence, rows: pd.DataFrame, axis: str) -> str:
    last = rows[rows[axis] == rows[axis].max()].groupby("variant")["value"].mean()
    return "; ".join(f"{name}: {last[name]:.3g}" for name in evidence.present(rows) if name in last) + "."


def _parameters(evidence: Evidence) -> Drawing:
    """Draw the parameters that vary most, a panel for each field, over the window of the training interval."""
    title = "Parameters within and beyond the training interval"
    rows = evidence.metric("parameter", "parameter", "s")
    if rows.empty:
        return Drawing.missing(title, "parameter")
    rows = rows[rows["seed"] == rows["seed"].min()]
    names = evidence.present(rows)
    figure, panels = panels_below(names, height=0.95, extra=0.5)
    palette = list(colours([str(number) for number in range(9)]).values())
    for name, axes in panels.items():
        _shade(axes)
        mine = rows[rows["variant"] == name]
        for number, curve in mine.groupby("parameter"):
            along = curve.sort_values("s")
            style = "steps-mid" if name.startswith("stacked") else "default"
            axes.plot(
                along["s"], along["value"].astype(float), color=palette[int(str(number)) % 9], linewidth=1.2,
                drawstyle=style,
            )  # fmt: skip
        inside = mine.loc[mine["s"] < TRAINED_UNTIL, "value"].astype(float)
        low, high = float(inside.min()), float(inside.max())
        margin = max(0.6 * (high - low), 0.1)
        axes.set(ylim=(low - margin, high + margin), ylabel="θ(s)")
    panels[names[-1]].set(xlabel="depth s")
    return Drawing(
        title,
        figure,
        "Of each field of one seed the four parameters that vary most in training (shaded). The window is that of the "
        "training interval; what grows out of it is cut off.",
        f"Parameters of {', '.join(names)} against depth; largest beyond training: {_largest(rows, names)}.",
    )


def _largest(rows: pd.DataFrame, names: list[str]) -> str:
    beyond = rows[rows["s"] > TRAINED_UNTIL]
    largest = beyond.assign(value=beyond["value"].abs()).groupby("variant")["value"].max()
    return ", ".join(f"{name} {largest[name]:.3g}" for name in names if name in largest)


def _training(evidence: Evidence) -> Drawing:
    title = "Integral loss during training"
    rows = evidence.metric("train_loss", "iteration")
    if rows.empty:
        return Drawing.missing(title, "train_loss")
    figure = Figure(figsize=(WIDTH, 3.8))
    axes = figure.subplots()
    lines(axes, rows, "iteration", evidence)
    axes.set(yscale="log", xlabel="iteration", ylabel="integral loss")
    legend_below(figure, axes)
    return Drawing(
        title,
        figure,
        f"{seeds_in_words(rows)} Integral over the training interval of the squared distance, mean over the batch.",
        "Integral loss at the last iteration: " + _last_values(evidence, rows, "iteration"),
    )


def _gradients(evidence: Evidence) -> Drawing:
    """Draw the error of the adjoint's gradient against the tolerance, before and after training."""
    title = "Gradient of the integral loss by the adjoint"
    found = {metric: evidence.metric(metric, "tolerance") for metric in GRADIENTS}
    found = {metric: rows[rows["value"] > 0] for metric, rows in found.items()}
    if all(rows.empty for rows in found.values()):
        return Drawing.missing(title, "gradient_error")
    figure = Figure(figsize=(WIDTH, 5.6))
    panels = figure.subplots(2, 1, sharex=True)
    for axes, (metric, words) in zip(panels, GRADIENTS.items(), strict=True):
        rows = found[metric]
        axes.set_title(words, fontsize=9, loc="left")
        if rows.empty:
            continue
        lines(axes, rows, "tolerance", evidence)
        ends = np.array([rows["tolerance"].min(), rows["tolerance"].max()])
        axes.plot(ends, ends, color=text_colour(), linestyle="--", linewidth=1.2, label="the tolerance")
        axes.set(xscale="log", yscale="log", xlabel="tolerance, relative and absolute", ylabel="relative error")
    panels[0].invert_xaxis()
    drawn = [axes for axes in panels if axes.get_legend() is not None]
    for axes in drawn[1:]:
        axes.get_legend().remove()
    legend_below(figure, drawn[0])
    rows = pd.concat(found.values())
    return Drawing(
        title,
        figure,
        f"{seeds_in_words(rows)} Against autograd through the augmented state. After training the gradient is close to "
        "zero and the flow contracts, so that its way back, which the adjoint needs, is unstable.",
        "Relative errors at the tightest tolerance. "
        + " ".join(
            f"{words.capitalize()}: {_tightest(evidence, found[metric])}" for metric, words in GRADIENTS.items()
        ),
    )


def _tightest(evidence: Evidence, rows: pd.DataFrame) -> str:
    first = rows[rows["tolerance"] == rows["tolerance"].min()].groupby("variant")["value"].mean()
    return "; ".join(f"{name} {first[name]:.2g}" for name in evidence.present(rows) if name in first) + "."
