"""A metric against one axis, one curve for each variant: the commonest figure of the report."""

from __future__ import annotations

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reports.figures.drawing import Drawing, Evidence
from reports.figures.theme import WIDTH, colours, dashes, markers

MANY_POINTS = 25


def curve(
    evidence: Evidence,
    title: str,
    metric: str,
    axis: str,
    *,
    x: str,
    y: str,
    scale: float = 1.0,
    log_y: bool = False,
    columns: int = 3,
) -> Drawing:
    """Draw a metric against an axis, one curve for each variant: the mean over seeds, with their range as a band.

    Args:
        evidence: What to draw from.
        title: A few words for the page.
        metric: Which measurement.
        axis: Which axis of it lies along x.
        x: Label of x, with its unit.
        y: Label of y, with its unit.
        scale: What a value is multiplied with before it is drawn.
        log_y: Whether the values lie on a logarithmic axis, in place of one that starts at 0.
        columns: Of the legend; fewer where names are long.
    """
    rows = evidence.metric(metric, axis)
    if rows.empty:
        return Drawing.missing(title, metric)
    figure = Figure(figsize=(WIDTH, 3.4))
    axes = figure.subplots()
    names = evidence.present(rows)
    by_seed = rows.groupby(["variant", "seed", axis])["value"].mean().reset_index()
    lines(axes, by_seed.assign(value=by_seed["value"] * scale), axis, evidence)
    axes.set(xlabel=x, ylabel=y)
    if log_y:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    if axis == "epoch":
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend_below(figure, axes, columns)
    return Drawing(
        title,
        figure,
        seeds_in_words(rows) + evidence.not_finite(metric),
        f"{y} against {x}. " + "; ".join(_last_point(rows, axis, name, scale) for name in names) + ".",
    )


def lines(axes: Axes, rows: pd.DataFrame, axis: str, evidence: Evidence) -> None:
    """Draw one line for each variant; its colour, marker and dashes are the same in every figure of the experiment."""
    shown, known = evidence.present(rows), evidence.known
    sns.lineplot(
        rows,
        x=axis,
        y="value",
        hue="variant",
        hue_order=shown,
        style="variant",
        style_order=shown,
        palette=colours(known),
        markers=markers(known) if rows[axis].nunique() <= MANY_POINTS else False,
        markeredgewidth=0,
        dashes=dashes(known),
        errorbar=("pi", 100),
        ax=axes,
    )


def seeds_in_words(rows: pd.DataFrame) -> str:
    """Say what a curve and its band are."""
    seeds = rows["seed"].nunique()
    return "One seed." if seeds == 1 else f"Mean of {seeds} seeds; the band spans them."


def legend_below(figure: Figure, axes: Axes, columns: int = 3) -> None:
    """Move a legend out of the axes, below them, so that it hides no data on a narrow screen."""
    handles, labels = axes.get_legend_handles_labels()
    legend = axes.get_legend()
    if legend is not None:
        legend.remove()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(columns, len(labels)))


def _last_point(rows: pd.DataFrame, axis: str, name: str, scale: float) -> str:
    mine = rows[rows["variant"] == name]
    last = mine[axis].max()
    value = mine.loc[mine[axis] == last, "value"].mean() * scale
    return f"{name}: {value:.4g} at {axis} {last:g}"
