"""Judging a measured number against a threshold."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from reference.statistics.estimates import mean_of
from reference.statistics.intervals import Interval, wilson_interval
from reference.statistics.judgement import Judgement, Printed, from_interval, number, quantity, within_limits
from reference.statistics.registry import judging_function
from reference.statistics.samples import curve


@judging_function
def below(
    rows: pd.DataFrame,
    published: Sequence[Printed],
    *,
    metric: str,
    variant: str,
    threshold: float,
    over: Sequence[str] = (),
    test_size: str = "",
) -> Judgement:
    """The mean over seeds is at most a threshold.

    Reproduced when its whole interval is, partly when only the mean is, otherwise not reproduced.

    Args:
        rows: Rows of one set of records.
        published: Printed numbers shown beside it; not used.
        metric: The metric.
        variant: Whose.
        threshold: The threshold, in the metric's unit.
        over: Axes to average over within a seed.
        test_size: The metric that holds the size of the test set, when the metric is an error rate.
    """
    del published
    interval, unit = mean_of(rows, metric, variant, over, test_size)
    rule = f"at most {quantity(threshold, unit)}"
    return within_limits(interval, -math.inf, threshold, unit=unit, subject=f"{metric} of {variant}", rule=rule)


@judging_function
def above(
    rows: pd.DataFrame,
    published: Sequence[Printed],
    *,
    metric: str,
    variant: str,
    threshold: float,
    over: Sequence[str] = (),
    test_size: str = "",
) -> Judgement:
    """The mean over seeds is at least a threshold.

    Reproduced when its whole interval is, partly when only the mean is, otherwise not reproduced.

    Args:
        rows: Rows of one set of records.
        published: Printed numbers shown beside it; not used.
        metric: The metric.
        variant: Whose.
        threshold: The threshold, in the metric's unit.
        over: Axes to average over within a seed.
        test_size: The metric that holds the size of the test set, when the metric is an error rate.
    """
    del published
    interval, unit = mean_of(rows, metric, variant, over, test_size)
    rule = f"at least {quantity(threshold, unit)}"
    return within_limits(interval, threshold, math.inf, unit=unit, subject=f"{metric} of {variant}", rule=rule)


@judging_function
def fraction_below_line(
    rows: pd.DataFrame,
    published: Sequence[Printed],
    *,
    metric: str,
    line: str,
    variant: str,
    factor: float = 1.0,
    fraction: float = 0.95,
) -> Judgement:
    """At least a given fraction of the points lies on or below a line through the origin.

    A point is one measurement, of any seed. Reproduced when the fraction of points with ``metric <= factor * line`` is
    at least ``fraction``, partly when Wilson's interval of it reaches ``fraction``, otherwise not reproduced.

    Args:
        rows: Rows of one set of records.
        published: Printed numbers shown beside it; not used.
        metric: The ordinate, such as an error.
        line: The abscissa, an axis such as ``tolerance`` or another metric, in the ordinate's unit.
        variant: Whose.
        factor: Slope of the line.
        fraction: The fraction that has to lie below.
    """
    del published
    points = curve(rows, metric, line, variant)
    total, under = len(points.x), sum(y <= factor * x for x, y in zip(points.x, points.y, strict=True))
    low, high = wilson_interval(under, total)
    interval = Interval(under / total, low, high, total)
    words = (
        f"{under} of {total} points of {variant} have {metric} at most {number(factor)} {line}; "
        f"the rule is a fraction of {number(fraction)}"
    )
    slack = interval.estimate - fraction
    if slack >= 0:
        return from_interval("reproduced", words, interval, "1", slack)
    if high >= fraction:
        return from_interval("partly", f"{words}, which its interval reaches", interval, "1", slack)
    return from_interval("not reproduced", words, interval, "1", slack)
