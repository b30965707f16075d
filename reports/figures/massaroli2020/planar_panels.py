"""Panels of the plane, one for each model: where it sees the inner class, how states move, and the field."""

from __future__ import annotations

import math
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Patch

from reports.figures.theme import WIDTH, text_colour

CLASSES = {1: "inner class", 0: "outer class"}
COLUMNS = 3


def class_colours() -> dict[int, str]:
    """Return the colours of both classes in the theme in force, by label."""
    palette = mpl.rcParams["axes.prop_cycle"].by_key()["color"]
    return {1: palette[0], 0: palette[1]}


def panels(names: Sequence[str], x: str, y: str, *, legend: float = 0.4) -> tuple[Figure, list[Axes]]:
    """Make square panels with a title each, three in a row, with labels at the lower and left edge.

    Args:
        names: The titles.
        x: Label of x, with its unit.
        y: Label of y, with its unit.
        legend: Inches that are left for a legend below.
    """
    rows = math.ceil(len(names) / COLUMNS)
    figure = Figure(figsize=(WIDTH, 0.5 + legend + 1.6 * rows))
    found = list(figure.subplots(rows, COLUMNS, squeeze=False).flat)
    for axes in found[len(names) :]:
        axes.set_visible(False)
    for number, (axes, name) in enumerate(zip(found, names, strict=False)):
        axes.set_title(name, fontsize=8)
        axes.set_aspect("equal")
        axes.grid(visible=False)
        axes.tick_params(labelsize=8)
        if number + COLUMNS >= len(names):
            axes.set_xlabel(x, fontsize=9)
        if number % COLUMNS == 0:
            axes.set_ylabel(y, fontsize=9)
    return figure, found[: len(names)]


def window(axes: Axes, half_width: float) -> None:
    """Show a square about the origin with ticks at its sides and middle."""
    ticks = [-half_width, 0.0, half_width]
    axes.set(xlim=(-half_width, half_width), ylim=(-half_width, half_width), xticks=ticks, yticks=ticks)


def fill_inner(axes: Axes, rows: pd.DataFrame) -> None:
    """Fill where points count as inner, from intervals on horizontal lines."""
    heights = np.unique(rows["y"].astype(float))
    spacing = float(np.diff(heights).min()) if len(heights) > 1 else 0.1
    left = rows["x"].astype(float)
    axes.barh(
        rows["y"].astype(float), rows["value"].astype(float) - left, spacing, left=left, color=class_colours()[1],
        alpha=0.45, linewidth=0,
    )  # fmt: skip


def circles(axes: Axes, radii: Sequence[float]) -> None:
    """Draw the circles about which the points of the classes lie, the inner class first."""
    for radius, colour in zip(radii, class_colours().values(), strict=True):
        axes.add_patch(Circle((0, 0), radius, fill=False, linestyle="--", linewidth=1.1, edgecolor=colour))


def draw_paths(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw paths of points in the colour of their class, from a hollow mark at depth 0 to a full one at the end."""
    palette = class_colours()
    for _, mine in rows.groupby("point"):
        path = mine.sort_values("depth")
        x, y = path["first"].astype(float).tolist(), path["value"].astype(float).tolist()
        colour = palette[int(path["label"].iloc[0])]
        axes.plot(x, y, color=colour, linewidth=0.8)
        axes.plot(x[:1], y[:1], "o", color=colour, markersize=3, markerfacecolor="none", markeredgewidth=0.7)
        axes.plot(x[-1:], y[-1:], "o", color=colour, markersize=3)


def draw_field(axes: Axes, rows: pd.DataFrame, largest: float) -> None:
    """Draw the norm of a field as an image and its direction as streamlines."""
    x, y = np.unique(rows["x"].astype(float)), np.unique(rows["y"].astype(float))
    ordered = rows.sort_values(["y", "x"])
    u = ordered["first"].astype(float).to_numpy().reshape(len(y), len(x))
    v = ordered["value"].astype(float).to_numpy().reshape(len(y), len(x))
    reach = float(x[-1])
    extent = (-reach, reach, -reach, reach)
    axes.imshow(
        np.hypot(u, v), origin="lower", extent=extent, cmap="viridis", vmin=0, vmax=largest, interpolation="bilinear"
    )
    # Recorded numbers are rounded, and streamlines need evenly spaced ones.
    even = np.linspace(-reach, reach, len(x))
    if float(np.hypot(u, v).max()) > 0:
        axes.streamplot(even, even, u, v, color="white", linewidth=0.5, arrowsize=0.5, density=0.6)
    window(axes, reach)


def norm_bar(figure: Figure, axes: Sequence[Axes], largest: float, label: str) -> None:
    """Add the scale of the images below."""
    image = ScalarMappable(Normalize(0, largest), cmap="viridis")
    bar = figure.colorbar(image, ax=list(axes), orientation="horizontal", shrink=0.7, aspect=40, pad=0.02)
    bar.set_label(label, fontsize=9)
    bar.ax.tick_params(labelsize=8)


def class_legend(figure: Figure, kind: str, extra: Sequence[Artist] = ()) -> None:
    """Put a legend of both classes below all panels.

    Args:
        figure: The figure.
        kind: ``lines`` for paths, ``areas`` for filled labels.
        extra: More entries, with their labels.
    """
    palette = class_colours()
    ending = "'s circle" if kind == "areas" else ""
    handles: list[Artist] = [
        Line2D([], [], color=palette[label], linestyle="--" if ending else "-", label=f"{name}{ending}")
        for label, name in CLASSES.items()
    ]
    if kind == "areas":
        handles.insert(0, Patch(color=palette[1], alpha=0.45, linewidth=0, label="labelled inner"))
    figure.legend(handles=[*handles, *extra], loc="outside lower center", ncols=2)


def cross() -> Line2D:
    """Return the legend's entry of a place where the outer circle is labelled as inner."""
    return Line2D([], [], color=text_colour(), marker="x", linestyle="", markersize=6, label="crack")
