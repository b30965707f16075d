"""What a judging function returns, and the rule by which an interval decides."""

from __future__ import annotations

import typing
from dataclasses import dataclass
from typing import Literal, Protocol

from reference.statistics.intervals import Interval

Status = Literal["reproduced", "partly", "not reproduced", "not tested"]

STATUSES: tuple[Status, ...] = typing.get_args(Status)
"""The verdicts, from the best to the one that says nothing."""


class Printed(Protocol):
    """What a judging function needs of a published number; ``reference.published`` has them."""

    @property
    def value(self) -> float | None:
        """The number as printed; None for a range or a curve."""
        ...

    @property
    def unit(self) -> str:
        """Its unit."""
        ...


@dataclass(frozen=True)
class Judgement:
    """One decision, with the numbers it rests on.

    Attributes:
        status: The decision.
        reason: Why, in words.
        measured: What was compared with the limit: a mean, a difference, a ratio, a slope or a share.
        low: Lower end of its interval; None where one value has no interval.
        high: Upper end of its interval; None where one value has no interval.
        n: How many seeds or points the number rests on.
        unit: Unit of ``measured``, ``low`` and ``high``.
        slack: Distance from ``measured`` to the nearest limit, negative beyond it; the worst of several cases has the
            least.
    """

    status: Status
    reason: str
    measured: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    unit: str = ""
    slack: float = 0.0


def number(value: float) -> str:
    """Return a number as the reasons print it: to four significant digits, or to the unit from ten thousand on."""
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e12 else f"{value:.4g}"


def quantity(value: float, unit: str) -> str:
    """Return a number with its unit, which is left out when the quantity has none."""
    return number(value) if unit in ("", "1") else f"{number(value)} {unit}"


def interval_words(interval: Interval, unit: str) -> str:
    """Return an interval in words: the estimate, with its ends unless they are the estimate."""
    if interval.low == interval.high:
        return quantity(interval.estimate, unit)
    return f"{quantity(interval.estimate, unit)} [{number(interval.low)}, {number(interval.high)}]"


def percent_words(interval: Interval) -> str:
    """Return a fraction in words, as a percentage with the ends of its interval."""
    low, high = number(100 * interval.low), number(100 * interval.high)
    return f"{number(100 * interval.estimate)} % [{low}, {high}]"


def from_interval(status: Status, reason: str, interval: Interval, unit: str, slack: float) -> Judgement:
    """Return a judgement that carries an interval, leaving its ends out when a single value has none."""
    single = interval.is_single_value
    return Judgement(
        status=status,
        reason=reason,
        measured=interval.estimate,
        low=None if single else interval.low,
        high=None if single else interval.high,
        n=interval.n,
        unit=unit,
        slack=slack,
    )


def within_limits(interval: Interval, low: float, high: float, *, unit: str, subject: str, rule: str) -> Judgement:
    """Decide whether a quantity lies within limits.

    Reproduced when the whole interval does, partly when the estimate does and its interval does not, otherwise not
    reproduced.

    Args:
        interval: The measured quantity.
        low: Lower limit, ``-inf`` for none.
        high: Upper limit, ``inf`` for none.
        unit: Unit of all three.
        subject: What was measured, in words.
        rule: The limits in words.
    """
    slack = min(interval.estimate - low, high - interval.estimate)
    words = f"{subject} is {interval_words(interval, unit)}; the rule is {rule}"
    if interval.inside(low, high):
        return from_interval("reproduced", words, interval, unit, slack)
    if low <= interval.estimate <= high:
        return from_interval("partly", f"{words}, which its interval exceeds", interval, unit, slack)
    return from_interval("not reproduced", words, interval, unit, slack)
