"""Wall-clock time of predictions at a small loss of accuracy: speed-ups over dopri5, times, and the effort chosen."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from reports.figures.curves import legend_below, seeds_in_words
from reports.figures.drawing import Drawing, Evidence
from reports.figures.poli2020.log_curves import Curve, ends_in_words, panels
from reports.figures.strip import strip
from reports.figures.theme import WIDTH, text_colour

CURVES = ("hyper-euler", "euler", "midpoint", "rk4", "ab2", "adaptive-heun", "bosh3", "dopri5", "dopri5-own")
"""Methods that are drawn as curves: as many as there are colours. Heun and the classical RK4 are near to others."""

METHODS = (*CURVES, "heun", "rk4-classic")
QUOTED = "poli2020/wall-clock/mnist/speed-up"
MODES = {"eager": "operation by operation", "graph": "as CUDA graphs"}


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw every figure of the page."""
    drawings = {}
    for mode, words in MODES.items():
        drawings[f"speed-up-{mode}"] = _by_batch(
            evidence, "speed_up", mode, f"Speed-up over dopri5, {words}", "speed-up"
        )
        drawings[f"time-{mode}"] = _by_batch(
            evidence, "milliseconds", mode, f"Time of a prediction, {words}", "time [ms]"
        )
    drawings["effort"] = _effort(evidence)
    return drawings


def _by_batch(evidence: Evidence, metric: str, mode: str, title: str, label: str) -> Drawing:
    rows = evidence.metric(metric, "batch", "loss", "method", "mode")
    rows = rows if rows.empty else rows[rows["mode"] == mode]
    if rows.empty:
        return Drawing.missing(title, f"{metric} {MODES[mode]}")
    curves = {
        f"loss of at most {loss:g} points": _curves(rows[rows["loss"] == loss])
        for loss in sorted(rows["loss"].unique())
    }
    figure = panels(curves, "batch", x="images at once", y=label, known=CURVES)
    quoted = evidence.published.get(QUOTED)
    words = ""
    if metric == "speed_up" and quoted is not None and quoted.value is not None:
        for axes in figure.axes:
            axes.axhline(quoted.value, color=text_colour(), linewidth=1, linestyle=":")
        words = f" The dotted line is the factor {quoted.value:g} that is widely quoted of HyperEuler, unverified."
    return Drawing(
        title,
        figure,
        "Each method with the fewest steps, or at the loosest tolerance, from which on no more accuracy is lost; all "
        f"timed in turn in one run.{words} {seeds_in_words(rows)}",
        ends_in_words(curves, "batch"),
    )


def _curves(rows: pd.DataFrame) -> list[Curve]:
    present = set(rows["method"])
    return [Curve(name, rows[rows["method"] == name]) for name in CURVES if name in present]


def _effort(evidence: Evidence) -> Drawing:
    title = "Evaluations that keep the accuracy"
    rows = evidence.metric("least_nfe", "method", "loss")
    if rows.empty:
        return Drawing.missing(title, "least_nfe")
    names = [name for name in METHODS if name in set(rows["method"])]
    losses = sorted(rows["loss"].unique())
    shown = rows.assign(loss=[f"{loss:g} points" for loss in rows["loss"]])
    order = [f"{loss:g} points" for loss in losses]
    figure = Figure(figsize=(WIDTH, 1.4 + 0.36 * len(names)))
    axes = figure.subplots()
    strip(axes, shown, band="method", bands=names, group="loss", groups=order)
    axes.set(xscale="log", xlabel="evaluations of the field", ylabel="")
    own = evidence.metric("own_nfe")["value"]
    if not own.empty:
        axes.axvline(own.mean(), color=text_colour(), linewidth=1, linestyle="--")
    legend_below(figure, axes)
    return Drawing(
        title,
        figure,
        "The fewest evaluations from which on no more accuracy is lost; a correction is free here. The dashed line is "
        "dopri5 at the classifier's own tolerance. Each point is a seed. A method without a point has no such number "
        "among those tried.",
        "Mean over losses and seeds. "
        + "; ".join(f"{name}: {rows.loc[rows['method'] == name, 'value'].mean():.3g}" for name in names)
        + ".",
    )
