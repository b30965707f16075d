"""The two looks of every figure, for light and for dark pages, and how a figure is written as SVG."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.figure import Figure

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
DASHES: tuple[Any, ...] = (
    "",
    (4, 1.5),
    (1, 1),
    (6, 1.5, 1, 1.5),
    (3, 1),
    (8, 2),
    (5, 1, 1, 1, 1, 1),
    (2, 2),
    (7, 1, 2, 1),
)
WIDTH = 4.6
"""Inches. Narrow, so that 10-point text stays legible on a screen of 390 px."""


@dataclass(frozen=True)
class Theme:
    """Colours of a figure on a page of one brightness; the background stays transparent."""

    name: str
    text: str
    grid: str
    palette: tuple[str, ...]

    def applied(self) -> AbstractContextManager[None]:
        """Return a context in which figures are drawn in this theme."""
        settings: Any = {
            "svg.fonttype": "none",
            "svg.hashsalt": "depthmark",
            "font.family": "sans-serif",
            "font.size": 10,
            "axes.titlesize": 10,
            "axes.labelsize": 10,
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
            "legend.fontsize": 9,
            "legend.title_fontsize": 9,
            "legend.frameon": False,
            "figure.constrained_layout.use": True,
            "figure.facecolor": "none",
            "axes.facecolor": "none",
            "savefig.facecolor": "none",
            "savefig.edgecolor": "none",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": self.grid,
            "grid.linewidth": 0.6,
            "lines.linewidth": 1.6,
            "lines.markersize": 5,
            "axes.prop_cycle": cycler(color=self.palette),
            **dict.fromkeys(
                ("text.color", "axes.labelcolor", "axes.edgecolor", "axes.titlecolor", "xtick.color", "ytick.color"),
                self.text,
            ),
        }
        return mpl.rc_context(settings)


LIGHT = Theme(
    "light",
    text="#33373b",
    grid="#dcdcd6",
    palette=("#0072b2", "#c04f00", "#00795c", "#a8327d", "#7a6200", "#2f8fbf", "#5f5f5f", "#5a3fb0", "#8c2d19"),
)
DARK = Theme(
    "dark",
    text="#d3d6da",
    grid="#3b3f45",
    palette=("#5cb3ef", "#ff9a52", "#4fd0a8", "#ef8fcb", "#e3cf5b", "#9fdcf5", "#b9b9b9", "#b7a4ff", "#ff8f7a"),
)
_LIGHT_TO_DARK = dict(zip((LIGHT.text, LIGHT.grid, *LIGHT.palette), (DARK.text, DARK.grid, *DARK.palette), strict=True))


def text_colour() -> str:
    """Return the text colour of the theme in force, for reference lines."""
    return str(mpl.rcParams["text.color"])


def colours(names: Sequence[str]) -> dict[str, str]:
    """Return one colour of the theme in force for each name; the cycle starts again when it is used up."""
    palette = mpl.rcParams["axes.prop_cycle"].by_key()["color"]
    return {name: palette[index % len(palette)] for index, name in enumerate(names)}


def markers(names: Sequence[str]) -> dict[str, str]:
    """Return one marker for each name, so that curves differ without colour too."""
    return {name: MARKERS[_shifted(index, len(MARKERS))] for index, name in enumerate(names)}


def dashes(names: Sequence[str]) -> dict[str, Any]:
    """Return one dash pattern for each name, so that curves differ without colour too."""
    return {name: DASHES[_shifted(index, len(DASHES))] for index, name in enumerate(names)}


def _shifted(index: int, length: int) -> int:
    """Go round a cycle, one place on in each round, so that names of one colour differ in marker and dashes."""
    return (index + index // length) % length


def svg(figure: Figure) -> str:
    """Return a figure as SVG with its text as text; the same figure gives the same text."""
    content = io.StringIO()
    figure.savefig(content, format="svg", transparent=True, metadata={"Date": None})
    return content.getvalue()


def darkened(drawn: str) -> str:
    """Return an SVG that was drawn in the light theme as the dark one draws it.

    Its colours are replaced one for one, which takes a fraction of the time of drawing it again. Colours that are of
    neither theme, such as those of images, stay.
    """
    colour = re.compile("|".join(map(re.escape, _LIGHT_TO_DARK)))
    return colour.sub(lambda found: _LIGHT_TO_DARK[found[0]], drawn)
