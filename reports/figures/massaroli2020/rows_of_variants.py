"""Panels below one another, one for each variant, with one legend for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.figures.theme import WIDTH, colours


def panels_below(names: Sequence[str], *, height: float, extra: float = 0.9) -> tuple[Figure, dict[str, Axes]]:
    """Return a figure with one panel for each name, titled with it, that share the horizontal axis.

    Args:
        names: Titles, from the top.
        height: Of one panel in inches.
        extra: Height for labels and legend in inches.
    """
    figure = Figure(figsize=(WIDTH, extra + height * len(names)))
    panels = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    for axes, name in zip(panels, names, strict=True):
        axes.set_title(name, fontsize=9, loc="left", pad=2)
        axes.tick_params(labelsize=8)
    return figure, dict(zip(names, panels, strict=True))


def one_legend(figure: Figure, entries: Mapping[str, Artist], columns: int = 3) -> None:
    """Put one legend below all panels, from labels and what they are drawn with."""
    figure.legend(list(entries.values()), list(entries), loc="outside lower center", ncols=min(columns, len(entries)))


def parameter_curves(axes: Axes, rows: pd.DataFrame, *, staircase: bool) -> None:
    """Draw parameters of one field against depth, a curve for each, from rows with the axes ``parameter`` and ``s``."""
    numbers = sorted(rows["parameter"].unique())
    palette = colours([str(number) for number in numbers])
    for number in numbers:
        along = rows[rows["parameter"] == number].sort_values("s")
        axes.plot(
            along["s"],
            along["value"].astype(float),
            color=palette[str(number)],
            linewidth=1.2,
            drawstyle="steps-mid" if staircase else "default",
        )


def chosen(rows: pd.DataFrame, axis: str, value: object) -> pd.DataFrame:
    """Return the rows with a value on an axis; none when there are none, which then lack the axis too."""
    if axis not in rows:
        return rows.iloc[:0]
    found: pd.DataFrame = rows[rows[axis] == value]
    return found
