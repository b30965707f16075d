"""Pictures of values in the cells of a square about the origin."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from reports.figures.theme import WIDTH


def bare_panels(rows: int, columns: int, height: float) -> tuple[Figure, list[list[Axes]]]:
    """Return a figure of square panels without ticks, close together."""
    layout = ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.03, wspace=0.03, hspace=0.03)
    figure = Figure(figsize=(WIDTH, height), layout=layout)
    panels: list[list[Axes]] = [list(line) for line in figure.subplots(rows, columns, squeeze=False)]
    for axes in chain.from_iterable(panels):
        axes.set(xticks=[], yticks=[], aspect="equal")
        axes.grid(visible=False)
        for side in axes.spines.values():
            side.set_visible(False)
    return figure, panels


def picture(axes: Axes, rows: pd.DataFrame, half_width: float, side: int, limits: Sequence[float] = ()) -> None:
    """Draw the values of rows with axes ``row`` and ``column``; a cell without a row is zero.

    Args:
        axes: Where.
        rows: The cells.
        half_width: Half the side of the square.
        side: Cells along a side.
        limits: Values at the ends of the colours; the picture's own without them.
    """
    image: npt.NDArray[np.float64] = np.zeros((side, side))
    image[rows["row"].astype(int), rows["column"].astype(int)] = rows["value"]
    low, high = limits or (0.0, float(image.max()))
    extent = (-half_width, half_width, -half_width, half_width)
    axes.imshow(image, origin="lower", extent=extent, cmap="viridis", vmin=low, vmax=high, interpolation="nearest")
    axes.set(xlim=(-half_width, half_width), ylim=(-half_width, half_width))
