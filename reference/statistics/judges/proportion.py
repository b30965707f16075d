"""Judging whether a metric grows along a straight line, through the origin or not."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from reference.statistics.intervals import Interval
from reference.statistics.judgement import Judgement, Printed, from_interval, number, percent_words
from reference.statistics.registry import judging_function
from reference.statistics.samples import Points, curve
from reference.statistics.slopes import Line, fit_line


@judging_function
def grows_linearly(
    rows: pd.DataFrame,
    published: Sequence[Printed],
    *,
    metric: str,
    against: str,
    variant: str,
    r_squared: float = 0.9,
    cases: Sequence[str] = (),
    smallest_over: Sequence[str] = (),
) -> Judgement:
    """A quantity grows along a straight line with another, from whatever it is at zero.

    Reproduced when the 95 % interval of the slope is above zero and the line explains at least ``r_squared`` of the
    variation, partly when it grows but not so straight, otherwise not reproduced.

    Args:
        rows: Rows of one set of records.
        published: Printed numbers shown beside it; not used.
        metric: The ordinate.
        against: The abscissa: an axis of the metric, or another metric.
        variant: Whose.
        r_squared: The share of the variation that the line has to explain.
        cases: Axes of which each combination has its own intercept.
        smallest_over: Axes along which the smallest value is taken: of repeated times the one least disturbed.

    Raises:
        ValueError: When there are too few points for a line.
    """
    del published
    points = curve(rows, metric, against, variant, cases, smallest_over)
    line = fit_line(points.x, points.y, points.cases)
    words = (
        f"{metric} of {variant} grows by {number(line.slope.estimate)} {points.unit} per unit of {against} with "
        f"R^2 = {number(line.r_squared)}; the rule is growth with R^2 of at least {number(r_squared)}"
    )
    unit, slack = f"{points.unit} per {against}", line.r_squared - r_squared
    if line.slope.low > 0 and slack >= 0:
        return from_interval("reproduced", words, line.slope, unit, slack)
    if line.slope.low > 0:
        return from_interval("partly", words, line.slope, unit, slack)
    return from_interval("not reproduced", words, line.slope, unit, slack)


@judging_function
def in_proportion(
    rows: pd.DataFrame,
    published: Sequence[Printed],
    *,
    metric: str,
    against: str,
    variant: str,
    r_squared: float = 0.9,
    intercept: float = 0.2,
    cases: Sequence[str] = (),
) -> Judgement:
    """A quantity is proportional to another.

    Reproduced when it grows along a straight line (the 95 % interval of the slope is above zero, and the line explains
    at least ``r_squared`` of the variation) whose intercept is at most ``intercept`` of the range of the ordinate,
    partly when only the intercept is larger, otherwise not reproduced.

    Args:
        rows: Rows of one set of records.
        published: Printed numbers shown beside it; not used.
        metric: The ordinate.
        against: The abscissa: an axis of the metric, or another metric.
        variant: Whose.
        r_squared: The share of the variation that the line has to explain.
        intercept: The largest intercept, as a fraction of the range of the ordinate.
        cases: Axes of which each combination has its own intercept.

    Raises:
        ValueError: When there are too few points for a line.
    """
    del published
    points = curve(rows, metric, against, variant, cases)
    line = fit_line(points.x, points.y, points.cases)
    share = _intercept_share(line, points)
    words = (
        f"{metric} of {variant} lies on a line in {against} with R^2 = {number(line.r_squared)} and an intercept of "
        f"{percent_words(share)} of its range; the rule is R^2 of at least {number(r_squared)} and an intercept of "
        f"at most {number(100 * intercept)} %"
    )
    slack = min(line.r_squared - r_squared, intercept - abs(share.estimate))
    if line.slope.low <= 0 or line.r_squared < r_squared:
        return from_interval("not reproduced", words, share.scaled(100), "%", slack)
    return from_interval("reproduced" if slack >= 0 else "partly", words, share.scaled(100), "%", slack)


def _intercept_share(line: Line, points: Points) -> Interval:
    span = max(points.y) - min(points.y)
    if span <= 0:
        raise ValueError("an intercept relative to the range needs ordinates that differ")
    return line.intercept.scaled(1 / span)
