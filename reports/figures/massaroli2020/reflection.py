"""The reflection of Massaroli et al. 2020: paths of every model, errors at the end and during training."""

from __future__ import annotations

import math

import matplotlib as mpl
import pandas as pd
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from reports.figures.curves import legend_below, lines, seeds_in_words
from reports.figures.drawing import Drawing, Evidence
from reports.figures.theme import WIDTH, colours, text_colour

FLOOR = "massaroli2020/reflection/floor"
_STARTS = "cividis"  # a map of colours that reads the same to the colour-blind
_PANELS = 2


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw every figure of the page."""
    return {
        "paths": _paths(evidence),
        "surface": _surface(evidence),
        "errors": errors(evidence, "mse", evidence.published[FLOOR].value if FLOOR in evidence.published else None),
        "training": _training(evidence),
    }


def _paths(evidence: Evidence) -> Drawing:
    """Draw a panel for each model: states along depth, with the targets at the end."""
    title = "Paths along depth"
    rows = evidence.metric("state", "x", "s")
    if rows.empty:
        return Drawing.missing(title, "state")
    rows = rows[rows["seed"] == rows["seed"].min()]
    shown = evidence.present(rows)
    height = math.ceil(len(shown) / _PANELS)
    figure = Figure(figsize=(WIDTH, 0.4 + 1.7 * height))
    panels = figure.subplots(height, _PANELS, sharex=True, sharey=True, squeeze=False)
    palette = colours(evidence.known)
    for axes, variant in zip(panels.flat, shown, strict=False):
        own = rows[rows["variant"] == variant].sort_values("s")
        for x, path in own.groupby("x"):
            axes.plot(path["s"].astype(float), path["value"].astype(float), color=palette[variant], linewidth=1)
            axes.plot([1.0], [-float(str(x))], "x", color=text_colour(), markersize=4)
        axes.set_title(variant)
        axes.set_ylim(-1.3, 1.3)
    for axes in panels.flat[len(shown) :]:
        axes.set_axis_off()
    for axes in panels[-1]:
        axes.set_xlabel("depth s")
    for axes in panels[:, 0]:
        axes.set_ylabel("state")
    words = "; ".join(f"{variant} ends {_furthest(rows, variant):.3g} from its targets at most" for variant in shown)
    return Drawing(
        title,
        figure,
        "States of starts in [-1, 1] along depth, of one seed; crosses are the targets -x. Of the augmented model it "
        "is the output of its linear layer along the way, which does not begin at x.",
        f"One panel for each model. {words}.",
    )


def _furthest(rows: pd.DataFrame, variant: str) -> float:
    own = rows[(rows["variant"] == variant) & (rows["s"] == 1)]
    return float((own["value"].astype(float) + own["x"].astype(float)).abs().max())


def _surface(evidence: Evidence) -> Drawing:
    """Draw the data-controlled model's paths over depth and start, in space."""
    title = "Data control: state over depth and start"
    rows = evidence.metric("state", "x", "s")
    rows = rows[rows["variant"] == "data-controlled"]
    if rows.empty:
        return Drawing.missing(title, "state")
    rows = rows[rows["seed"] == rows["seed"].min()]
    table = rows.pivot_table(index="x", columns="s", values="value").astype(float)
    figure = Figure(figsize=(WIDTH, 3.8))
    axes = figure.add_subplot(projection="3d")
    scale, norm = mpl.colormaps[_STARTS], Normalize(-1, 1)
    for x, path in table.iterrows():
        start = float(str(x))
        axes.plot(table.columns.to_numpy(float), [start] * len(path), path.to_numpy(float), color=scale(norm(start)))
    axes.set(xlabel="depth s", ylabel="start x", zlabel="state z")
    axes.set(xticks=(0, 0.5, 1), yticks=(-1, 0, 1), zticks=(-1, 0, 1))
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_pane_color((0, 0, 0, 0))
    axes.view_init(elev=22, azim=-58)
    axes.set_box_aspect(None, zoom=0.85)
    axes.patch.set_alpha(0)
    ends = table[table.columns.max()]
    return Drawing(
        title,
        figure,
        "Each curve is one start, of one seed; without the axis of the start the curves would cross.",
        f"States from x to {ends.iloc[0]:.3g} for the start {ends.index[0]:g} and to {ends.iloc[-1]:.3g} for the start "
        f"{ends.index[-1]:g}.",
    )


def errors(evidence: Evidence, metric: str, floor: float | None) -> Drawing:
    """Draw the errors of every model on a logarithmic axis, with the least of an increasing map.

    Args:
        evidence: What to draw from.
        metric: The mean squared error.
        floor: The least of an increasing map, if it is known.
    """
    title = "Error on the grid"
    rows = evidence.metric(metric)
    if rows.empty:
        return Drawing.missing(title, metric)
    names = evidence.present(rows)
    figure = Figure(figsize=(WIDTH, 1.3 + 0.36 * len(names)))
    axes = figure.subplots()
    palette = colours(evidence.known)
    sentences = []
    for position, name in enumerate(names):
        values = rows.loc[rows["variant"] == name, "value"].astype(float).tolist()
        axes.plot(values, [position] * len(values), "o", color=palette[name], alpha=0.7)
        sentences.append(f"{name}: {', '.join(f'{value:.3g}' for value in values)}")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    if floor is not None:
        axes.axvline(
            floor, color=text_colour(), linestyle="--", linewidth=1.2, label=f"least of an increasing map, {floor:g}"
        )
    axes.axvline(1e-3, color=text_colour(), linestyle=":", linewidth=1.2, label="learned, 0.001")
    axes.set(xscale="log", xlabel="mean squared error")
    legend_below(figure, axes, columns=2)
    return Drawing(
        title,
        figure,
        "Each point is one training." + evidence.not_finite(metric),
        f"Mean squared error of each model. {'; '.join(sentences)}.",
    )


def _training(evidence: Evidence) -> Drawing:
    title = "Error during training"
    rows = evidence.metric("train_mse", "iteration")
    if rows.empty:
        return Drawing.missing(title, "train_mse")
    figure = Figure(figsize=(WIDTH, 3.6))
    axes = figure.subplots()
    lines(axes, rows, "iteration", evidence)
    axes.set(yscale="log", xlabel="iteration", ylabel="mean squared error")
    legend_below(figure, axes, columns=2)
    last = rows.sort_values("iteration").groupby("variant")["value"].last()
    words = "; ".join(f"{name}: {last[name]:.3g}" for name in evidence.present(rows))
    return Drawing(title, figure, seeds_in_words(rows), f"Error against iteration. At the last, {words}.")
