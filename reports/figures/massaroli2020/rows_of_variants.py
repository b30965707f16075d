"""Panels below one another, one for each variant, with one legend for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.figures.theme import WIDTH


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
