"""Published numbers as the pages show them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import zip_longest

from reference.published import PublishedNumber
from reports.numerals import number, with_unit

DIGITS = 10


@dataclass(frozen=True)
class NumberRow:
    """A published number in words.

    Attributes:
        name: Its id without that of the artefact.
        anchor: Its place on the page of published numbers.
        quantity: What it is a value of.
        value: The value with its unit and its range; how many points a curve has.
        bare: Whether the value has no unit, so that it says little without the quantity.
        points: The points of a curve, or nothing.
        confidence: How sure the reading is; says when the authors took the number back.
        judgeable: Whether a verdict may rest on it.
        source: Where it was read.
        remarks: How exact it is, and caveats.
    """

    name: str
    anchor: str
    quantity: str
    value: str
    bare: bool
    points: str
    confidence: str
    judgeable: bool
    source: str
    remarks: str


def anchor(name: str) -> str:
    """Return an id as the name of a place on a page."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name)


def number_row(published: PublishedNumber) -> NumberRow:
    """Return a published number in words."""
    return NumberRow(
        name=published.id.removeprefix(f"{published.artefact}/").removeprefix(f"{published.paper}/"),
        anchor=anchor(published.id),
        quantity=published.quantity,
        value=_value(published),
        bare=published.unit == "1",
        points=_points(published),
        confidence=published.confidence + (f", {published.status}" if published.status else ""),
        judgeable=published.judgeable,
        source=published.source,
        remarks=" ".join(_sentence(text) for text in (published.uncertainty, published.note) if text),
    )


def _value(published: PublishedNumber) -> str:
    if published.is_curve:
        return f"a curve of {len(published.x)} points"
    span = ""
    if published.low is not None and published.high is not None:
        span = f"{number(published.low, DIGITS)} to {number(published.high, DIGITS)}"
    if published.value is None:
        return with_unit(span, published.unit)
    return with_unit(number(published.value, DIGITS), published.unit) + (f" ({span})" if span else "")


def _points(published: PublishedNumber) -> str:
    if not published.is_curve:
        return ""
    ranges = zip(published.y_low, published.y_high, strict=True)
    pairs = zip_longest(published.x, published.y, ranges)
    written = "; ".join(_point(x, y, limits) for x, y, limits in pairs)
    return f"{published.x_quantity}{_bracketed(published.x_unit)}: value{_bracketed(published.unit)}. {written}"


def _point(x: float, y: float, limits: tuple[float, float] | None) -> str:
    span = f" ({number(limits[0], DIGITS)} to {number(limits[1], DIGITS)})" if limits else ""
    return f"{number(x, DIGITS)}: {number(y, DIGITS)}{span}"


def _bracketed(unit: str) -> str:
    return "" if unit == "1" else f" [{unit}]"


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text[0].upper()}{text[1:]}."
