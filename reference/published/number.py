"""One published number: a value, a range or a curve, with its source and how sure we are of it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Literal

Confidence = Literal["printed", "released", "digitised", "calculated", "independent", "pilot", "memory", "unverified"]
Status = Literal["", "withdrawn"]

CONFIDENCES: Mapping[str, str] = MappingProxyType(
    {
        "printed": "read in the paper, or in a transcription of its table",
        "released": "read in the authors' code, its outputs or its pictures",
        "digitised": "measured by us in a figure",
        "calculated": "follows by arithmetic or mathematics from definitions or from numbers of the words above",
        "independent": "reported by someone else: a reproduction, a later paper, another library",
        "pilot": "measured or estimated by us while planning",
        "memory": "recalled, and not found in any source at hand",
        "unverified": "quoted widely, without a source that we could find",
    }
)
"""The words of confidence and what each means."""

_JUDGEABLE = frozenset({"printed", "released", "digitised", "calculated"})
_ID = re.compile(r"[a-z0-9]+(/[a-z0-9][a-z0-9_-]*)+")
_ARTEFACT = re.compile(r"[a-z0-9]+/[a-z0-9-]+")


@dataclass(frozen=True, kw_only=True)
class PublishedNumber:
    """A number as somebody published it. Either a value, a range, or a curve of points.

    Raises:
        ValueError: When the fields contradict each other; the sentence says what is wrong and what is accepted.
    """

    id: str
    """Path-like name that starts with the paper, such as ``chen2018/table1/ode-net/test_error``."""
    artefact: str
    """Id of the experiment that measures it, or of the closest one."""
    quantity: str
    """What the number is, in words."""
    unit: str
    """Symbol of its unit; ``"1"`` for a pure number."""
    source: str
    """Where it was read, in words that need no other document."""
    confidence: Confidence
    """How sure we are of it: one of :data:`CONFIDENCES`."""
    value: float | None = None
    """The number itself; None for a curve, and for a range published without a middle."""
    low: float | None = None
    """Lower end of the published range of the value."""
    high: float | None = None
    """Upper end of the published range of the value."""
    x: tuple[float, ...] = ()
    """Abscissae of a curve, strictly monotone, shape ``[points]``."""
    y: tuple[float, ...] = ()
    """Ordinates of a curve in ``unit``, shape ``[points]``."""
    x_quantity: str = ""
    """What a curve's abscissa is, in words."""
    x_unit: str = ""
    """Symbol of the abscissa's unit."""
    y_low: tuple[float, ...] = ()
    """Lower ends of the published range at each point, where there is one."""
    y_high: tuple[float, ...] = ()
    """Upper ends of the published range at each point, where there is one."""
    uncertainty: str = ""
    """How exact the number is, in words: rounding, reading accuracy, what the range means."""
    note: str = ""
    """A caveat that belongs beside the number."""
    status: Status = ""
    """``withdrawn`` when the authors took the number's claim back."""

    def __post_init__(self) -> None:
        for problems in (self._problems_of_words(), self._problems_of_form(), self._problems_of_ranges()):
            for problem in problems:  # the first one; later checks may take earlier ones for granted
                raise ValueError(problem)

    @property
    def paper(self) -> str:
        """Short name of the paper, the first part of the id."""
        return self.id.partition("/")[0]

    @property
    def is_curve(self) -> bool:
        """Whether it is a curve of points and not one value or range."""
        return bool(self.x)

    @property
    def judgeable(self) -> bool:
        """Whether a verdict may rest on it.

        Numbers that are printed, released, digitised or calculated may be judged against. A number from memory or
        without a verified source, one of our planning runs, or somebody else's reproduction is shown beside a result
        and never judged against.
        """
        return self.confidence in _JUDGEABLE

    def __str__(self) -> str:
        unit = "" if self.unit == "1" else f" {self.unit}"
        if self.is_curve:
            return f"{len(self.x)} points over {self.x_quantity}"
        span = "" if self.low is None or self.high is None else f"{self.low:.10g} to {self.high:.10g}"
        if self.value is None:
            return f"{span}{unit}"
        return f"{self.value:.10g}{unit}" + (f" ({span})" if span else "")

    def _problems_of_words(self) -> Iterator[str]:
        for name in ("id", "artefact", "quantity", "unit", "source"):
            if not getattr(self, name).strip():
                yield f"the field {name!r} is empty; it is mandatory"
        if not _ID.fullmatch(self.id):
            yield f"the id {self.id!r} is not a path of lower-case words such as chen2018/table1/ode-net/test_error"
        if not _ARTEFACT.fullmatch(self.artefact):
            yield f"the artefact {self.artefact!r} is not an experiment id such as chen2018/table1"
        if self.confidence not in CONFIDENCES:
            yield f"unknown confidence {self.confidence!r}; the words are {', '.join(CONFIDENCES)}"
        if self.status not in ("", "withdrawn"):
            yield f"unknown status {self.status!r}; the only one is 'withdrawn'"

    def _problems_of_form(self) -> Iterator[str]:
        if not all(math.isfinite(number) for number in self._numbers()):
            yield "a number is not finite"
        single = self.value is not None or self.low is not None or self.high is not None
        curve = bool(self.x or self.y)
        if single == curve:
            yield "it needs either a value (or a range, low and high) or points (x and y), not both or neither"
        if curve and len(self.x) != len(self.y):
            yield f"x has {len(self.x)} numbers and y has {len(self.y)}; a curve needs as many of each"
        if curve and len(self.x) < 2:
            yield "a curve needs at least two points; give one point as a value"
        if curve and not (self.x_quantity and self.x_unit):
            yield "a curve needs x_quantity and x_unit"
        if not curve and (self.x_quantity or self.x_unit or self.y_low or self.y_high):
            yield "x_quantity, x_unit, y_low and y_high belong to a curve, and it has no points"
        steps = [after - before for before, after in pairwise(self.x)]
        if not (all(step > 0 for step in steps) or all(step < 0 for step in steps)):
            yield "the x of a curve must rise strictly or fall strictly"

    def _problems_of_ranges(self) -> Iterator[str]:
        if (self.low is None) != (self.high is None):
            yield "a range needs both low and high"
        if self.low is not None and self.high is not None:
            middle = self.low if self.value is None else self.value
            if not self.low <= middle <= self.high:
                yield f"the range {self.low:g} to {self.high:g} is empty or leaves out the value"
        if self.y_low or self.y_high:
            if not len(self.y_low) == len(self.y_high) == len(self.y):
                yield f"y_low and y_high need {len(self.y)} numbers each, as many as y"
            if not all(a <= b <= c for a, b, c in zip(self.y_low, self.y, self.y_high, strict=True)):
                yield "y leaves the range y_low to y_high"

    def _numbers(self) -> list[float]:
        single = [number for number in (self.value, self.low, self.high) if number is not None]
        return [*single, *self.x, *self.y, *self.y_low, *self.y_high]
