"""Figure 1 of Poli et al. 2020: samples of flows, and their errors against the evaluations they cost."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from reports.figures.curves import legend_below, seeds_in_words
from reports.figures.drawing import Drawing, Evidence
from reports.figures.poli2020.log_curves import Curve, by_effort, by_variant, ends_in_words, panels
from reports.figures.strip import strip
from reports.figures.theme import WIDTH, colours, text_colour

SHOWN = ("heun", "hyper-heun", "dopri5")
COMPARED = ("euler", "heun", "rk4", "ab2", "adaptive-heun", "dopri5", "fitted-rk2", "hyper-euler", "hyper-heun")
LIMIT = 3.0
"""Half-width of the pictures, in deviations of the target."""


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw every figure of the page."""
    drawings = _samples(evidence)
    drawings["error"] = _errors(evidence)
    drawings["error-at-two"] = _at_two(evidence)
    drawings["equivalent"] = _equivalents(evidence)
    drawings["tolerance"] = _tolerances(evidence)
    return drawings


def _samples(evidence: Evidence) -> dict[str, Drawing]:
    rows = evidence.metric("sample", "target", "x")
    if rows.empty:
        return {"samples": Drawing.missing("Samples", "sample")}
    return {
        f"samples-{target}": _picture(evidence, rows[rows["target"] == target], str(target))
        for target in rows["target"].drop_duplicates()
    }


def _picture(evidence: Evidence, rows: pd.DataFrame, target: str) -> Drawing:
    shown = [name for name in SHOWN if name in set(rows["variant"])]
    figure = Figure(figsize=(WIDTH, 0.7 + WIDTH / len(SHOWN)))
    palette = colours(SHOWN)
    outside = 0
    for axes, variant in zip(figure.subplots(1, len(shown), sharey=True, squeeze=False)[0], shown, strict=True):
        own = rows[(rows["variant"] == variant) & (rows["seed"] == rows["seed"].min())]
        outside += int(((own["x"].abs() > LIMIT) | (own["value"].abs() > LIMIT)).sum())
        axes.plot(own["x"].astype(float), own["value"].astype(float), ".", markersize=2, color=palette[variant])
        axes.set(title=variant, xlim=(-LIMIT, LIMIT), ylim=(-LIMIT, LIMIT), xlabel="x [length]", aspect="equal")
    figure.axes[0].set(ylabel="y [length]")
    words = "Two evaluations for heun and hyper-heun; dopri5 at its tightest tolerance."
    lost = f" {outside} points lie outside." if outside else ""
    return Drawing(
        f"Samples of the flow of {target}",
        figure,
        f"The same points of the base density, carried by three methods; one seed. {words}{lost} "
        "The paper shows rings.",
        f"Scattered points of {', '.join(shown)}. {_error_words(evidence, target, shown)}",
    )


def _error_words(evidence: Evidence, target: str, shown: list[str]) -> str:
    rows = evidence.metric("error_at_two", "target")
    rows = rows[(rows["target"] == target) & rows["variant"].isin(shown)]
    words = [f"{name}: {rows.loc[rows['variant'] == name, 'value'].mean():.3g}" for name in evidence.present(rows)]
    return f"Mean distance from the converged samples: {', '.join(words)}." if words else ""


def _errors(evidence: Evidence) -> Drawing:
    title = "Distance from the converged samples"
    rows = evidence.metric("sample_error", "nfe", "target")
    rows = rows[rows["variant"].isin(COMPARED)]
    if rows.empty:
        return Drawing.missing(title, "sample_error")
    curves = {}
    for target in rows["target"].drop_duplicates():
        mine = rows[rows["target"] == target]
        curves[str(target)] = by_variant(evidence, by_effort(mine, "nfe"))
    figure = panels(curves, "nfe", x="evaluations", y="mean distance [length]", known=COMPARED)
    for axes in figure.axes:
        axes.axvline(2, color=text_colour(), linewidth=1, linestyle=":")
    return Drawing(
        title,
        figure,
        "Mean over samples. The dotted line marks two evaluations. Evaluations of adaptive methods are means over "
        f"seeds. {seeds_in_words(rows)}",
        ends_in_words(curves, "nfe"),
    )


def _at_two(evidence: Evidence) -> Drawing:
    """Draw the distance of all that takes two evaluations, or as many operations."""
    title = "Distance with two evaluations"
    rows = evidence.metric("error_at_two", "target")
    if rows.empty:
        return Drawing.missing(title, "error_at_two")
    figure, words = _by_target(
        rows, "variant", evidence.present(rows), "mean distance from the converged samples [length]"
    )
    return Drawing(
        title,
        figure,
        "Each point is a seed. distilled is a network from base points to samples with the operations of a step of "
        "HyperHeun.",
        f"Mean over targets. {words}.",
    )


def _equivalents(evidence: Evidence) -> Drawing:
    title = "Evaluations for the error of a hypersolver"
    rows = evidence.metric("equivalent_nfe", "method", "target")
    rows = rows[rows["variant"] == "hyper-heun"]
    if rows.empty:
        return Drawing.missing(title, "equivalent_nfe")
    figure, words = _by_target(rows, "method", list(rows["method"].drop_duplicates()), "evaluations")
    figure.axes[0].axvline(2, color=text_colour(), linewidth=1, linestyle=":")
    return Drawing(
        title,
        figure,
        "What ordinary methods take to be as close to the converged samples as HyperHeun with two evaluations, which "
        "the dotted line marks. Each point is a seed.",
        f"Mean over targets. {words}.",
    )


def _by_target(rows: pd.DataFrame, column: str, names: list[str], label: str) -> tuple[Figure, str]:
    """Draw every value in the row of its name, marked by its target; return the means in words too."""
    targets = list(rows["target"].drop_duplicates())
    figure = Figure(figsize=(WIDTH, 1.5 + 0.34 * len(names)))
    axes = figure.subplots()
    strip(axes, rows, band=column, bands=names, group="target", groups=targets)
    axes.set(xscale="log", xlabel=label, ylabel="")
    legend_below(figure, axes, columns=2)
    return figure, "; ".join(f"{name}: {rows.loc[rows[column] == name, 'value'].mean():.3g}" for name in names)


def _tolerances(evidence: Evidence) -> Drawing:
    title = "Evaluations of dopri5 against its tolerance"
    rows = evidence.metric("adaptive_nfe", "tolerance", "target")
    rows = rows[rows["variant"] == "dopri5"]
    if rows.empty:
        return Drawing.missing(title, "adaptive_nfe")
    targets = [str(target) for target in rows["target"].drop_duplicates()]
    curves = {"dopri5": [Curve(target, rows[rows["target"] == target]) for target in targets]}
    figure = panels(curves, "tolerance", x="tolerance", y="evaluations", known=targets, falling=True)
    printed = evidence.printed("dopri5", "nfe")
    words = ""
    if printed is not None:
        figure.axes[0].axhline(printed, color=text_colour(), linewidth=1.2, linestyle="--")
        words = f" The dashed line is the published {printed:g} for rings, whose tolerance is not said."
    return Drawing(
        title,
        figure,
        f"Absolute and relative tolerance.{words} {seeds_in_words(rows)}",
        ends_in_words(curves, "tolerance"),
    )
