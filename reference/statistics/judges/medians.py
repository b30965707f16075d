"""Judging the median of many measurements, such as of one ratio for each image."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import pandas as pd

from reference.statistics.intervals import Interval, mean_interval
from reference.statistics.judgement import Judgement, Printed, number, within_limits
from reference.statistics.registry import judging_function
from reference.statistics.samples import curve, measured, unit_of


@judging_function
def median_within(
    rows: pd.DataFrame,
    published: Sequence[Printed],
    *,
    metric: str,
    variant: str,
    low: float = -math.inf,
    high: float = math.inf,
) -> Judgement:
    """The median of all measurements lies within limits.

    The median is taken within each seed, over all axes, and its mean over the seeds. Reproduced when the whole interval
    lies within ``[low, high]``, partly when only the mean does, otherwise not reproduced.

    Args:
        rows: Rows of one set of records.
        published: Printed numbers shown beside it; not used.
        metric: The metric.
        variant: Whose.
        low: Lower limit, in the metric's unit.
        high: Upper limit, in the metric's unit.

    Raises:
        ValueError: When there is no measurement.
    """
    del published
    found = measured(rows, metric, variant)
    subject = f"the median {metric} of {variant} ({len(found)} measurements)"
    return within_limits(_median(found), low, high, unit=unit_of(found), subject=subject, rule=_limits(low, high))


@judging_function
def median_within_at_accuracy(
    rows: pd.DataFrame,
    published: Sequence[Printed],
    *,
    metric: str,
    variant: str,
    error: str,
    tolerance: str,
    low: float,
    high: float,
    factor: float = 10.0,
) -> Judgement:
    """The median of a cost lies within limits, and what it buys is as exact as it should be.

    As ``median_within``; beside it, the median of ``error / tolerance`` has to be at most ``factor``. Reproduced when
    both hold with their whole intervals over seeds, not reproduced when neither mean does, otherwise partly.

    Args:
        rows: Rows of one set of records.
        published: Printed numbers shown beside it; not used.
        metric: The cost, such as a ratio of evaluations.
        variant: Whose.
        error: The metric that says how exact the result is.
        tolerance: The axis of the error that says how exact it should be.
        low: Lower limit of the cost.
        high: Upper limit of the cost.
        factor: How many tolerances the error may be.

    Raises:
        ValueError: When either was not measured.
    """
    cost = median_within(rows, published, metric=metric, variant=variant, low=low, high=high)
    points = curve(rows, error, tolerance, variant)
    if min(points.x, default=0.0) <= 0:
        raise ValueError(f"{error} of {variant} needs a positive {tolerance}")
    errors = pd.Series(points.y) / pd.Series(points.x)
    ratios = pd.DataFrame({"seed": [case[0] for case in points.cases], "value": errors})
    subject = f"the median {error} over {tolerance} ({len(ratios)} measurements)"
    accuracy = within_limits(
        _median(ratios), -math.inf, factor, unit="1", subject=subject, rule=f"at most {number(factor)}"
    )
    reason = f"{cost.reason}; {accuracy.reason}"
    statuses = {cost.status, accuracy.status}
    if statuses in ({"reproduced"}, {"not reproduced"}):
        return dataclasses.replace(cost, reason=reason)
    return dataclasses.replace(cost, status="partly", reason=reason)


def _median(rows: pd.DataFrame) -> Interval:
    medians = rows.groupby("seed")["value"].median()
    return mean_interval([float(value) for value in medians])


def _limits(low: float, high: float) -> str:
    if math.isinf(low):
        return f"at most {number(high)}"
    return f"at least {number(low)}" if math.isinf(high) else f"between {number(low)} and {number(high)}"
