"""Hypersolvers on images: errors over evaluations, operations and time, classes, depth, and maps of errors."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from reports.figures.curves import curve, legend_below, seeds_in_words
from reports.figures.drawing import Drawing, Evidence
from reports.figures.massaroli2020.grid_pictures import bare_panels, picture
from reports.figures.poli2020.log_curves import Curve, by_variant, ends_in_words, panels
from reports.figures.strip import strip
from reports.figures.theme import WIDTH

DIGITISED = ("euler", "midpoint", "rk4", "hyper-euler")
"""Methods whose curves the released notebooks show."""

EVALUATIONS = "evaluations of the field"
OPERATIONS = "multiply-accumulates, in evaluations of the field"


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw every figure of the page."""
    errors = {
        "relative_l2_error": "relative L2 error",
        "median_relative_error": "median relative error",
        "mean_relative_error": "mean relative error",
    }
    classes = {"accuracy_loss": "accuracy loss [points]", "changed_classes": "changed classes [%]"}
    return {
        "released-axis": _released_axis(evidence),
        "evaluations": _against(evidence, errors, "nfe", "Error against evaluations", EVALUATIONS),
        "operations": _against(evidence, errors, "cost", "Error against operations", OPERATIONS),
        "time": _against(
            evidence, {"relative_l2_error": "relative L2 error"}, "milliseconds", "Error against time", "time [ms]",
            words="The fastest of some repeats on one batch; variants ran one after the other.",
        ),
        "classes": _against(
            evidence, classes, "nfe", "Classes against evaluations", EVALUATIONS, linear_y=True,
            words="The loss is against the exact solution's accuracy; changed are classes that are not the exact ones.",
        ),
        "classes-operations": _against(
            evidence, classes, "cost", "Classes against operations", OPERATIONS, linear_y=True
        ),
        "crossovers": _crossovers(evidence),
        "depth": _depth(evidence),
        "maps": _maps(evidence),
        "training": curve(
            evidence, "Test accuracy of the classifier", "test_accuracy", "epoch", x="epoch", y="test accuracy [%]"
        ),
    }  # fmt: skip


def _released_axis(evidence: Evidence) -> Drawing:
    """Draw the released measure on the released axis, and below it the digitised curves."""
    title = "Terminal error on the released axis"
    rows = evidence.metric("axis_error", "axis_nfe")
    if rows.empty:
        return Drawing.missing(title, "axis_error")
    curves = {"measured": by_variant(evidence, rows)}
    if printed := _digitised(evidence):
        curves["published, digitised from the released notebook"] = printed
    figure = panels(
        curves, "axis_nfe", x="points of the grid times stages", y="terminal error", known=evidence.known, linear_x=True
    )
    return Drawing(
        title,
        figure,
        "Relative errors summed over channels, averaged over images and pixels. The axis counts one step too many of "
        "every method, which costs a method of more stages more, and takes a correction as free. The published network "
        f"is another one, so that heights do not compare. {seeds_in_words(rows)}",
        ends_in_words(curves, "axis_nfe"),
    )


def _digitised(evidence: Evidence) -> list[Curve]:
    found = []
    for name in DIGITISED:
        number = evidence.published.get(f"{evidence.experiment}/terminal-error/{name}")
        if number is not None and number.x and number.y:
            found.append(Curve(name, pd.DataFrame({"axis_nfe": number.x, "value": number.y})))
    return found


def _against(
    evidence: Evidence,
    metrics: dict[str, str],
    cost: str,
    title: str,
    label: str,
    *,
    words: str = "",
    linear_y: bool = False,
) -> Drawing:
    """Draw metrics, one panel each, against evaluations or against another metric of the same evaluations."""
    curves: dict[str, list[Curve]] = {}
    found = []
    for metric, name in metrics.items():
        rows = evidence.metric(metric, "nfe")
        if cost != "nfe":
            rows = _with_cost(evidence, rows, cost)
        if rows.empty:
            return Drawing.missing(title, metric if cost == "nfe" else f"{metric} and {cost}")
        found.append(rows)
        curves[name] = by_variant(evidence, rows)
    figure = panels(
        curves, cost, x=label, y="", known=evidence.known, linear_x=cost != "milliseconds", linear_y=linear_y
    )
    for axes, name in zip(figure.axes, curves, strict=True):
        axes.set(ylabel=name, title="")
        if cost == "milliseconds":
            axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axes.xaxis.set_major_formatter("{x:g}")
            axes.xaxis.set_minor_formatter(NullFormatter())
    caption = f"{words} {seeds_in_words(pd.concat(found))}".strip()
    return Drawing(title, figure, caption, ends_in_words(curves, cost))


def _with_cost(evidence: Evidence, rows: pd.DataFrame, cost: str) -> pd.DataFrame:
    """Return rows with a column of what they cost: the mean over seeds, by variant and evaluations."""
    costs = evidence.metric(cost, "nfe")
    if rows.empty or costs.empty:
        return rows.iloc[:0]
    mean = costs.groupby(["variant", "nfe"])["value"].mean().rename(cost).reset_index()
    kept = rows.drop(columns=[cost], errors="ignore")
    return kept.merge(mean, on=["variant", "nfe"])


def _crossovers(evidence: Evidence) -> Drawing:
    title = "Where methods pass the hypersolver"
    rows = evidence.metric("crossover", "rival", "counted")
    if rows.empty:
        return Drawing.missing(title, "crossover")
    rivals, counted = (list(rows[axis].drop_duplicates()) for axis in ("rival", "counted"))
    figure = Figure(figsize=(WIDTH, 1.3 + 0.42 * len(rivals)))
    axes = figure.subplots()
    strip(axes, rows, band="rival", bands=rivals, group="counted", groups=counted)
    axes.set(xlabel="evaluations", ylabel="")
    legend_below(figure, axes)
    words = [
        f"{rival}, {way}: {rows.loc[(rows['rival'] == rival) & (rows['counted'] == way), 'value'].mean():.3g}"
        for rival in rivals
        for way in counted
    ]
    return Drawing(
        title,
        figure,
        "From where on the mean relative error is no larger than HyperEuler's: on the released axis, in true "
        "evaluations, and in multiply-accumulates. A point at the right end is never. Each point is a seed.",
        f"Mean over seeds. {'; '.join(words)}.",
    )


def _depth(evidence: Evidence) -> Drawing:
    title = "Pixel errors over depth"
    curves: dict[str, list[Curve]] = {}
    for metric, name in (
        ("pixel_error", "mean pixel error"),
        ("largest_pixel_error", "largest pixel error"),
        ("class_probability", "probability of the exact class"),
    ):
        rows = evidence.metric(metric, "step")
        if rows.empty:
            return Drawing.missing(title, metric)
        curves[name] = by_variant(evidence, rows)
    figure = panels(curves, "step", x="step", y="", known=evidence.known, linear_x=True, linear_y=True)
    for axes, name in zip(figure.axes, curves, strict=True):
        axes.set(ylabel=name, title="")
    return Drawing(
        title,
        figure,
        "Absolute errors, averaged over channels; the largest is of each image, averaged over images. Every method "
        f"takes as many steps, whatever a step costs. {seeds_in_words(rows)}",
        ends_in_words(curves, "step"),
    )


def _maps(evidence: Evidence) -> Drawing:
    """Draw the error of every pixel of one image, a row for each step and a column for each method."""
    title = "Errors of one image"
    rows = evidence.metric("pixel_map", "step", "row", "column")
    if rows.empty:
        return Drawing.missing(title, "pixel_map")
    names = evidence.present(rows)
    steps: Sequence[float] = sorted(rows["step"].unique())
    side, largest = int(rows["row"].max()) + 1, float(rows["value"].max())
    figure, grid = bare_panels(len(steps), len(names), 0.4 + WIDTH * len(steps) / len(names))
    sentences = []
    for step, line in zip(steps, grid, strict=True):
        for name, axes in zip(names, line, strict=True):
            own = rows[(rows["variant"] == name) & (rows["step"] == step)]
            picture(axes, own.assign(row=side - 1 - own["row"]), side / 2, side, (0.0, largest))
            if step == steps[0]:
                axes.set(title=name)
            sentences.append(f"{name} after step {step:g}: at most {own['value'].max():.3g}")
        line[0].set(ylabel=f"step {step:g}")
    return Drawing(
        title,
        figure,
        "Absolute errors, averaged over channels, of the first test image and one seed. Colours are alike in all "
        f"panels, from 0 to {largest:.3g}.",
        "; ".join(sentences) + ".",
    )
