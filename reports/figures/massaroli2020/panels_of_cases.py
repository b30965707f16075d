"""A metric against one axis, a panel for each case such as a task, a curve for each variant."""

from __future__ import annotations

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.ticker import MaxNLocator

from reports.figures.curves import lines, seeds_in_words
from reports.figures.drawing import Drawing, Evidence
from reports.figures.massaroli2020.by_case import means_in_words
from reports.figures.massaroli2020.rows_of_variants import one_legend, panels_below


def panels_of_cases(
    evidence: Evidence,
    title: str,
    rows: pd.DataFrame,
    metric: str,
    axis: str,
    case: str,
    *,
    x: str,
    y: str,
    caption: str = "",
    x_scale: str = "linear",
    y_scale: str = "linear",
) -> Drawing:
    """Draw the curves of each case in a panel of its own.

    Args:
        evidence: What to draw from.
        title: A few words for the page.
        rows: The rows to draw.
        metric: Their metric, which is said to be missing where there are none.
        axis: Which axis lies along x.
        case: Which axis names the panels.
        x: Label of x, with its unit.
        y: Label of y, with its unit.
        caption: What is seen, in a sentence or two.
        x_scale: Scale of x; a logarithmic one falls from left to right, as tolerances tighten.
        y_scale: Scale of y.
    """
    if y_scale == "log":
        rows = rows[rows["value"] > 0]
    if rows.empty:
        return Drawing.missing(title, metric)
    cases = list(rows[case].drop_duplicates())
    figure, panels = panels_below([str(name) for name in cases], height=1.9)
    entries: dict[str, Artist] = {}
    for name in cases:
        axes = panels[str(name)]
        lines(axes, rows[rows[case] == name], axis, evidence)
        handles, labels = axes.get_legend_handles_labels()
        entries.update(zip(labels, handles, strict=True))
        legend = axes.get_legend()
        if legend is not None:
            legend.remove()
        axes.set(xlabel=x, ylabel=y, xscale=x_scale, yscale=y_scale)
        if x_scale == "linear":
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if x_scale == "log":
        next(iter(panels.values())).invert_xaxis()  # the panels share it
    ordered = {name: entries[name] for name in evidence.known if name in entries}
    one_legend(figure, ordered)
    last = rows[rows[axis] == (rows[axis].min() if x_scale == "log" else rows[axis].max())]
    words = means_in_words(last, case, list(ordered))
    return Drawing(
        title,
        figure,
        f"{caption} {seeds_in_words(rows)}{evidence.not_finite(metric)}".strip(),
        f"{y} at the right end. {words}.",
    )
