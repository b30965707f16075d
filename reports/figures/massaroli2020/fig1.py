"""Figure 1 of Massaroli et al. 2020: flows and parameters along depth, accuracy, evaluations and depth variance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from reports.figures.curves import legend_below, lines, seeds_in_words
from reports.figures.drawing import Drawing, Evidence
from reports.figures.massaroli2020.rows_of_variants import chosen, one_legend, panels_below, parameter_curves
from reports.figures.theme import MARKERS, WIDTH, colours, text_colour

DATA_SETS = ("moons", "spirals")
PIECEWISE = ("resnet", "stacked-20")


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw every figure of the page."""
    return {
        **{f"flow-{data}": _flows(evidence, data) for data in DATA_SETS},
        **{f"parameters-{data}": _parameters(evidence, data) for data in DATA_SETS},
        "accuracy": _points(evidence, "Test accuracy", "test_accuracy", "accuracy on fresh points [%]"),
        "depth-variation": _points(
            evidence,
            "How much parameters vary with depth",
            "depth_variation",
            "RMS distance from their mean / RMS size",
        ),
        "lost-to-mean": _points(
            evidence,
            "Accuracy lost when parameters are replaced by their mean over depth",
            "accuracy_lost_to_mean",
            "accuracy lost [percentage points]",
        ),
        "evaluations": _points(
            evidence,
            "Evaluations of the field",
            "nfe_forward",
            "evaluations in a forward solve at 1e-4",
            tolerance=1e-4,
        ),
        "stacked-limit": _stacked_limit(evidence),
        "training": _training(evidence),
    }


def _flows(evidence: Evidence, data: str) -> Drawing:
    """Draw test trajectories in the space of both coordinates and depth, a panel for each field."""
    title = f"Trajectories along depth, {data}"
    rows = evidence.metric("trajectory", "data", "point", "label", "s", "z1")
    rows = chosen(rows, "data", data)
    if rows.empty:
        return Drawing.missing(title, "trajectory")
    rows = rows[rows["seed"] == rows["seed"].min()]
    names = evidence.present(rows)
    height = (len(names) + 1) // 2
    figure = Figure(figsize=(WIDTH, 0.5 + 2.3 * height))
    grid: Any = figure.subplots(height, 2, squeeze=False, subplot_kw={"projection": "3d"})
    classes = sorted(int(label) for label in rows["label"].unique())
    palette = colours([str(label) for label in classes])
    for axes, name in zip(grid.ravel(), names, strict=False):
        mine = rows[rows["variant"] == name]
        for (_, label), path in mine.groupby(["point", "label"]):
            along = path.sort_values("s")
            z1, s, z2 = (along[axis].astype(float).to_numpy() for axis in ("z1", "s", "value"))
            colour, marker = palette[str(int(label))], MARKERS[int(label)]
            axes.plot(z1, z2, s, color=colour, linewidth=0.9)
            axes.plot(z1[-1:], z2[-1:], s[-1:], marker, color=colour, markersize=3)
        axes.set_title(name, fontsize=9, pad=0)
        axes.set_xlabel("z₁", fontsize=8, labelpad=-8)
        axes.set_ylabel("z₂", fontsize=8, labelpad=-8)
        axes.set_zlabel("s", fontsize=8, labelpad=-5)
        axes.tick_params(labelsize=6, pad=-3)
        axes.view_init(elev=18, azim=-60)
        axes.set_box_aspect((1, 1, 1.1), zoom=0.88)
        for side in (axes.xaxis, axes.yaxis, axes.zaxis):
            side.set_major_locator(MaxNLocator(4))
            side.set_pane_color((0, 0, 0, 0))
    for axes in grid.ravel()[len(names) :]:
        axes.set_axis_off()
    one_legend(
        figure,
        {
            f"class {label}": Line2D([], [], color=palette[str(label)], marker=MARKERS[label], markersize=4)
            for label in classes
        },
    )
    return Drawing(
        title,
        figure,
        f"{rows['point'].nunique()} test points of one seed, with a marker at the end of depth, where the larger "
        "coordinate is the class. The ranges differ between panels.",
        f"Trajectories of {', '.join(names)}. {_means(evidence, 'test_accuracy', data, '%')}",
    )


def _means(evidence: Evidence, metric: str, data: str, unit: str) -> str:
    rows = evidence.metric(metric, "data")
    rows = chosen(rows, "data", data)
    means = rows.groupby("variant")["value"].mean()
    listed = ", ".join(f"{name} {means[name]:.4g} {unit}".rstrip() for name in evidence.present(rows))
    return f"{data}, mean {metric.replace('_', ' ')}: {listed}." if listed else ""


def _parameters(evidence: Evidence, data: str) -> Drawing:
    """Draw the parameters that vary most against depth, those of a stack as a staircase."""
    title = f"Parameters along depth, {data}"
    rows = evidence.metric("parameter", "data", "parameter", "s")
    rows = chosen(rows, "data", data)
    if rows.empty:
        return Drawing.missing(title, "parameter")
    rows = rows[rows["seed"] == rows["seed"].min()]
    names = evidence.present(rows)
    figure, panels = panels_below(names, height=1.05, extra=0.5)
    for name, axes in panels.items():
        parameter_curves(axes, rows[rows["variant"] == name], staircase=name in PIECEWISE)
        axes.set(ylabel="θ(s)")
    panels[names[-1]].set(xlabel="depth s")
    return Drawing(
        title,
        figure,
        "Of each field of one seed, the four parameters that vary most; a field that reads the depth varies in its "
        "biases. The paper's stacked parameters are a staircase of about 20 steps, its Galerkin's are smooth.",
        f"Parameters of {', '.join(names)} against depth. {_means(evidence, 'depth_variation', data, '')}",
    )


def _points(evidence: Evidence, title: str, metric: str, label: str, tolerance: float | None = None) -> Drawing:
    """Draw a metric by variant, a panel for each data set and a point for each seed."""
    rows = evidence.metric(metric, "data")
    if tolerance is not None and "tolerance" in rows:
        rows = rows[np.isclose(rows["tolerance"].astype(float), tolerance)]
    if rows.empty:
        return Drawing.missing(title, metric)
    names = evidence.present(rows)
    figure, panels = panels_below(DATA_SETS, height=0.5 + 0.24 * len(names), extra=0.5)
    palette = colours(evidence.known)
    for data, axes in panels.items():
        for position, name in enumerate(names):
            values = chosen(chosen(rows, "data", data), "variant", name)["value"].astype(float)
            axes.plot(values, [position] * len(values), "o", color=palette[name], markersize=6, alpha=0.8)
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.5, -0.5)
    panels[DATA_SETS[-1]].set(xlabel=label)
    words = " ".join(
        _means(Evidence(evidence.experiment, evidence.variants, "", rows, {}), metric, data, evidence.unit(metric))
        for data in DATA_SETS
    )
    return Drawing(title, figure, "Each point is a seed." + evidence.not_finite(metric), f"{label}. {words}")


def _stacked_limit(evidence: Evidence) -> Drawing:
    """Draw how the flow of piecewise mean parameters approaches that of the smooth ones."""
    title = "Stacked parameters approach Galerkin's"
    rows = evidence.metric("stacked_distance", "data", "pieces")
    rows = rows[rows["value"] > 0]
    if rows.empty:
        return Drawing.missing(title, "stacked_distance")
    figure, panels = panels_below(DATA_SETS, height=2.3, extra=0.9)
    for data, axes in panels.items():
        mine = chosen(rows, "data", data)
        if mine.empty:
            continue
        lines(axes, mine, "pieces", evidence)
        start, end = float(mine["pieces"].min()), float(mine["pieces"].max())
        top = float(mine.loc[mine["pieces"] == start, "value"].max())
        axes.plot([start, end], [top, top * (start / end) ** 2], color=text_colour(), linestyle="--", label="slope -2")
        axes.set(xscale="log", yscale="log", ylabel="RMS distance")
        ticks = sorted(mine["pieces"].unique())
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
    panels[DATA_SETS[-1]].set(xlabel="pieces")
    drawn = [axes for axes in panels.values() if axes.get_legend() is not None]
    for axes in drawn[1:]:
        axes.get_legend().remove()  # type: ignore[union-attr]
    legend_below(figure, drawn[0], columns=4)
    last = rows[rows["pieces"] == rows["pieces"].max()].groupby(["data", "variant"])["value"].mean()
    ends = "; ".join(f"{data}, {name}: {value:.2g}" for (data, name), value in last.items())
    return Drawing(
        title,
        figure,
        f"{seeds_in_words(rows)} Distance at the end of depth between the flow of trained Galerkin parameters and that "
        "of their means over equal pieces.",
        f"RMS distance with the most pieces. {ends}.",
    )


def _training(evidence: Evidence) -> Drawing:
    title = "Cross-entropy during training"
    rows = evidence.metric("train_loss", "data", "iteration")
    rows = rows[rows["value"] > 0]
    if rows.empty:
        return Drawing.missing(title, "train_loss")
    figure = Figure(figsize=(WIDTH, 5.4))
    panels = dict(zip(DATA_SETS, figure.subplots(2, 1), strict=True))
    for data, axes in panels.items():
        axes.set_title(data, fontsize=9, loc="left", pad=2)
        mine: pd.DataFrame = chosen(rows, "data", data)
        if not mine.empty:
            lines(axes, mine, "iteration", evidence)
        axes.set(yscale="log", xlabel="iteration", ylabel="cross-entropy [nats]")
    drawn = [axes for axes in panels.values() if axes.get_legend() is not None]
    for axes in drawn[1:]:
        axes.get_legend().remove()
    legend_below(figure, drawn[0])
    words = " ".join(_means(evidence, "train_accuracy", data, "%") for data in DATA_SETS)
    return Drawing(title, figure, seeds_in_words(rows), f"Cross-entropy of the training points. {words}")
