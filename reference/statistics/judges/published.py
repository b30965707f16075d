"""Judging a measured number against a printed one."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from reference.statistics.estimates import mean_of
from reference.statistics.judgement import Judgement, Printed, from_interval, interval_words, quantity
from reference.statistics.registry import judging_function


@judging_function
def equals_published(
    rows: pd.DataFrame,
    published: Sequence[Printed],
    *,
    metric: str,
    variant: str,
    margin: float,
    wider_margin: float = math.nan,
    test_size: str = "",
) -> Judgement:
    """The measured mean is the printed number.

    Reproduced when the interval of the mean over seeds overlaps the printed number +- ``margin``; an interval wider
    than the margin proves little, so then the mean itself has to lie there. Partly when only such a wide interval
    reaches the margin, or when the mean lies within ``wider_margin``. Otherwise not reproduced.

    Args:
        rows: Rows of one set of records.
        published: The printed number, in the metric's unit.
        metric: The metric, with one value for each seed.
        variant: Whose.
        margin: What the printed number may be off by (its rounding, or the sampling error of the one run it shows).
        wider_margin: Within this the claim holds partly.
        test_size: The metric that holds the size of the test set, when the metric is an error rate.

    Raises:
        ValueError: When there is not exactly one printed number, or the units differ.
    """
    if len(published) != 1 or published[0].value is None:
        raise ValueError("one printed number is needed")
    printed = published[0].value
    interval, unit = mean_of(rows, metric, variant, (), test_size)
    if unit != published[0].unit:
        raise ValueError(f"{metric} is in {unit!r} and the printed number in {published[0].unit!r}")
    distance = abs(interval.estimate - printed)
    words = f"{metric} of {variant} is {interval_words(interval, unit)}; printed is {quantity(printed, unit)}"
    slack = margin - distance
    if distance <= margin or (interval.overlaps(printed - margin, printed + margin) and interval.half_width <= margin):
        return from_interval("reproduced", f"{words}, agreeing within {quantity(margin, unit)}", interval, unit, slack)
    if interval.overlaps(printed - margin, printed + margin):
        return from_interval("partly", f"{words}, which only the wide interval reaches", interval, unit, slack)
    if distance <= wider_margin:
        reason = f"{words}, within {quantity(wider_margin, unit)} but not {quantity(margin, unit)}"
        return from_interval("partly", reason, interval, unit, slack)
    return from_interval("not reproduced", f"{words}, further off than {quantity(margin, unit)}", interval, unit, slack)
