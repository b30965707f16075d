"""From an experiment's measurements to SVG files: finding its figure module, and drawing for light and dark pages."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from reports.figures import generic
from reports.figures.drawing import Drawing, Evidence
from reports.figures.theme import DARK, LIGHT, darkened, svg

Draw = Callable[[Evidence], dict[str, Drawing]]
PIXELS_PER_INCH = 96


@dataclass(frozen=True)
class DrawnFigure:
    """A figure on a page. Without data there are no files, and the caption says so.

    Attributes:
        title: A few words.
        caption: What is plotted, or what is missing.
        alternative: The figure in words.
        light: File for light pages, relative to the page; empty without data.
        dark: File for dark pages.
        width: Pixels at natural size.
        height: Pixels at natural size.
    """

    title: str
    caption: str
    alternative: str = ""
    light: str = ""
    dark: str = ""
    width: int = 0
    height: int = 0


def draw_function(experiment: str) -> Draw:
    """Return ``draw`` of ``reports.figures.<paper>.<artefact>``, or the generic one where there is no such module."""
    name = f"reports.figures.{experiment.replace('/', '.').replace('-', '_')}"
    try:
        return cast(Draw, importlib.import_module(name).draw)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            return generic.draw
        raise


def render(evidence: Evidence, page: Path, folder: str) -> list[DrawnFigure]:
    """Draw the figures of an experiment and write two SVG files for each below ``page / folder``."""
    place = page / folder
    with LIGHT.applied():
        drawings = draw_function(evidence.experiment)(evidence)
        return [_written(name, drawing, place, folder) for name, drawing in drawings.items()]


def _written(name: str, drawing: Drawing, place: Path, folder: str) -> DrawnFigure:
    if drawing.figure is None:
        return DrawnFigure(drawing.title, drawing.caption)
    light = svg(drawing.figure)
    place.mkdir(parents=True, exist_ok=True)
    for theme, text in ((LIGHT, light), (DARK, darkened(light))):
        (place / f"{name}-{theme.name}.svg").write_text(text, encoding="utf-8")
    width, height = drawing.figure.get_size_inches() * PIXELS_PER_INCH
    return DrawnFigure(
        drawing.title,
        drawing.caption,
        drawing.alternative,
        light=f"{folder}/{name}-{LIGHT.name}.svg",
        dark=f"{folder}/{name}-{DARK.name}.svg",
        width=round(width),
        height=round(height),
    )
