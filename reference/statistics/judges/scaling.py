"""Judging how a metric grows with an axis or with another metric."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pandas as pd

from reference.statistics.judgement import Judgement, Printed, from_interval, number, percent_words, within_limits
from reference.statistics.registry import judging_function
from reference.statistics.samples import curve
from reference.statistics.slopes import Line, fit_line, fit_power_law

FITS: dict[str, Callable[..., Line]] = {"log-log": fit_power_law, "linear": fit_line}


@judging_function
def slope_within(
    rows: pd.DataFrame,
    published: Sequence[Printed],
    *,
    metric: str,
    against: str,
    variant: str,
    low: float,
    high: float,
    scale: str = "log-log",
    cases: Sequence[str] = (),
    floor: float = -math.inf,
    ceiling: float = math.inf,
) -> Judgement:
    """The slope of one quantity against another lies within limits.

    One slope is fitted by least squares with an intercept for each seed and case. Reproduced when its whole 95 %
    interval lies within ``[low, high]``, partly when only the slope does, otherwise not reproduced.

    Args:
        rows: Rows of one set of records.
        published: Printed numbers shown beside it; not used.
        metric: The ordinate.
        against: The abscissa: an axis of the metric, or another metric.
        variant: Whose.
        low: Lower limit of the slope.
        high: Upper limit of the slope.
        scale: ``log-log`` or ``linear``.
        cases: Axes of which each combination has its own intercept.
        floor: Ordinates below it are left out: what rounding or the reference itself cannot resolve.
        ceiling: Ordinates above it are left out: before the asymptotic range.

    Raises:
        ValueError: When the scale is unknown or there are too few points for a line.
    """
    del published
    if scale not in FITS:
        raise ValueError(f"a slope is on a 'log-log' or a 'linear' scale, not {scale!r}")
    points = curve(rows, metric, against, variant, cases)
    kept = [(x, y, case) for x, y, case in zip(points.x, points.y, points.cases, strict=True) if floor <= y <= ceiling]
    line = FITS[scale]([x for x, _, _ in kept], [y for _, y, _ in kept], [case for _, _, case in kept])
    subject = f"{scale} slope of {metric} against {against} for {variant} ({len(kept)} of {len(points.x)} points)"
    unit = "1" if scale == "log-log" else f"{points.unit} per {against}"
    rule = f"between {number(low)} and {number(high)}"
    return within_limits(line.slope, low, high, unit=unit, subject=subject, rule=rule)


@judging_function
def constant(
    rows: pd.DataFrame,
    published: Sequence[Printed],
    *,
    metric: str,
    against: str,
    variant: str,
    margin: float,
    cases: Sequence[str] = (),
) -> Judgement:
    """A quantity does not grow with another.

    The growth is the slope of the fitted line (an intercept for each seed and case) times the range of the abscissa,
    relative to the line's value at its lower end. Reproduced when its 95 % interval contains zero and lies within
    +- ``margin``, partly when only the growth lies within +- ``margin``, otherwise not reproduced.

    Args:
        rows: Rows of one set of records.
        published: Printed numbers shown beside it; not used.
        metric: The ordinate.
        against: The abscissa: an axis of the metric, or another metric.
        variant: Whose.
        margin: The largest relative growth that does not matter, as a fraction.
        cases: Axes of which each combination has its own intercept.

    Raises:
        ValueError: When there are too few points for a line, or its lower end is not positive.
    """
    del published
    points = curve(rows, metric, against, variant, cases)
    line = fit_line(points.x, points.y, points.cases)
    start = line.intercept.estimate + line.slope.estimate * min(points.x)
    if start <= 0:
        raise ValueError(f"the relative growth of {metric} needs a positive value at the lower end")
    growth = line.slope.scaled((max(points.x) - min(points.x)) / start)
    slack = margin - abs(growth.estimate)
    words = (
        f"{metric} of {variant} grows by {percent_words(growth)} while {against} goes from {number(min(points.x))} to "
        f"{number(max(points.x))}; the rule is none, within {number(100 * margin)} %"
    )
    if growth.inside(-margin, margin) and growth.overlaps(0.0, 0.0):
        return from_interval("reproduced", words, growth.scaled(100), "%", slack)
    if slack >= 0:
        return from_interval("partly", f"{words}, which its interval does not show", growth.scaled(100), "%", slack)
    return from_interval("not reproduced", words, growth.scaled(100), "%", slack)
