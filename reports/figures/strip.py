"""Seeds as points in bands, one for each case, with the groups of a band side by side."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes

from reports.figures.theme import colours, markers, text_colour

_FILLED = 0.8
"""Part of a band that its groups are spread over."""


def strip(
    axes: Axes,
    rows: pd.DataFrame,
    *,
    band: str,
    bands: Sequence[str],
    group: str,
    groups: Sequence[str],
    known: Sequence[str] = (),
) -> None:
    """Draw the values of rows as points; groups differ in colour and in marker.

    Args:
        axes: Where to draw.
        rows: What to draw, of the bands and groups that are asked for.
        band: Their column that names the band.
        bands: Its values, from the top down.
        group: Their column that names the group.
        groups: Its values, from the top of a band down.
        known: All groups of the page, so that each looks the same in every figure; those drawn by default.
    """
    palette, shapes = colours(known or groups), markers(known or groups)
    drawn = rows[rows[band].isin(list(bands))]
    for number, name in enumerate(groups):
        mine = drawn[drawn[group] == name]
        places = mine[band].map(list(bands).index) + _FILLED * ((number + 0.5) / len(groups) - 0.5)
        axes.plot(mine["value"], places, shapes[name], color=palette[name], markersize=5, label=name)
    axes.set_yticks(range(len(bands)), bands)
    axes.set_ylim(len(bands) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    for edge in range(1, len(bands)):
        axes.axhline(edge - 0.5, color=text_colour(), linewidth=0.5, alpha=0.4)
