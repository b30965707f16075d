"""Judging one variant against another, paired by seed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from reference.statistics.equivalence import paired_equivalence
from reference.statistics.intervals import Interval, mean_interval, paired_difference
from reference.statistics.judgement import (
    Judgement,
    Printed,
    from_interval,
    interval_words,
    number,
    quantity,
    within_limits,
)
from reference.statistics.registry import judging_function
from reference.statistics.samples import RECORD_COLUMNS, by_seed, measured, paired, unit_of


@judging_function
def equivalent(
    rows: pd.DataFrame,
    published: Sequence[Printed],
    *,
    metric: str,
    variant: str,
    baseline: str,
    margin: float,
    over: Sequence[str] = (),
) -> Judgement:
    """Two variants differ by less than a margin.

    Two one-sided tests at 5 % on the difference paired by seed: reproduced when its 90 % interval lies within
    +- ``margin``, partly when only the mean difference does (more seeds might show it), otherwise not reproduced.

    Args:
        rows: Rows of one set of records.
        published: Printed numbers shown beside it; not used.
        metric: The metric, with one value for each seed.
        variant: The one side.
        baseline: The other side.
        margin: The largest difference that does not matter, in the metric's unit.
        over: Axes to average over within a seed.

    Raises:
        ValueError: When a side has no measurement, or they share no seed.
    """
    del published
    one, other, unit = _pairs(rows, metric, variant, baseline, over)
    result = paired_equivalence(one, other, margin)
    difference = result.difference
    slack = margin - abs(difference.estimate)
    words = (
        f"{metric} of {variant} minus that of {baseline} is {interval_words(difference, unit)} (paired, 90 %); "
        f"the margin is {quantity(margin, unit)}"
    )
    if result.shown:
        return from_interval("reproduced", words, difference, unit, slack)
    if slack >= 0:
        reason = f"{words}, which the mean keeps to and {difference.n} pairs are too few or too scattered to show"
        return from_interval("partly", reason, difference, unit, slack)
    return from_interval("not reproduced", words, difference, unit, slack)


@judging_function
def less_than(
    rows: pd.DataFrame,
    published: Sequence[Printed],
    *,
    metric: str,
    variant: str,
    baseline: str,
    margin: float = 0.0,
    over: Sequence[str] = (),
) -> Judgement:
    """One variant is lower than another by more than a margin.

    On the difference paired by seed: reproduced when its whole 95 % interval is below ``-margin``, partly when only the
    mean difference is, otherwise not reproduced.

    Args:
        rows: Rows of one set of records.
        published: Printed numbers shown beside it; not used.
        metric: The metric, with one value for each seed.
        variant: The one that should be lower.
        baseline: The other.
        margin: By how much, in the metric's unit.
        over: Axes to average over within a seed.

    Raises:
        ValueError: When a side has no measurement, or they share no seed.
    """
    del published
    one, other, unit = _pairs(rows, metric, variant, baseline, over)
    difference = paired_difference(one, other)
    words = (
        f"{metric} of {variant} minus that of {baseline} is {interval_words(difference, unit)} (paired); "
        f"the rule is below {quantity(-margin or 0.0, unit)}"
    )
    slack = -margin - difference.estimate
    if difference.high < -margin:
        return from_interval("reproduced", words, difference, unit, slack)
    if slack > 0:
        return from_interval("partly", f"{words}, which its interval exceeds", difference, unit, slack)
    return from_interval("not reproduced", words, difference, unit, slack)


@judging_function
def ratio_within(
    rows: pd.DataFrame,
    published: Sequence[Printed],
    *,
    metric: str,
    variant: str,
    high: float,
    low: float = 0.0,
    baseline: str = "",
    baseline_metric: str = "",
    floor: float = 0.0,
) -> Judgement:
    """The ratio of two variants, or of two metrics, lies within limits.

    The ratio is a geometric mean over all measurements that agree in their axes, within each seed and then over the
    seeds. Reproduced when its whole interval lies within ``[low, high]``, partly when only the mean does, otherwise not
    reproduced.

    Args:
        rows: Rows of one set of records.
        published: Printed numbers shown beside it; not used.
        metric: Metric of the numerator.
        variant: Variant of the numerator.
        high: Upper limit of the ratio.
        low: Lower limit of the ratio.
        baseline: Variant of the denominator; the same when it is empty.
        baseline_metric: Metric of the denominator; the same when it is empty.
        floor: Values below it are taken as this: what rounding or the reference itself cannot resolve.

    Raises:
        ValueError: When no measurements pair up, the units differ, or a value is not positive.
    """
    del published
    denominator = (baseline_metric or metric, baseline or variant)
    one, other = measured(rows, metric, variant), measured(rows, *denominator)
    if unit_of(one) != unit_of(other):
        raise ValueError(f"a ratio needs one unit, not {unit_of(one)!r} and {unit_of(other)!r}")
    axes = [name for name in one.columns if name in other.columns and name not in RECORD_COLUMNS]
    pairs = one.merge(other[["seed", *axes, "value"]], on=["seed", *axes], suffixes=("", "_below"))
    if pairs.empty:
        raise ValueError(f"{metric} of {variant} and {denominator[0]} of {denominator[1]} share no seed and axes")
    above, under = pairs["value"].clip(lower=floor), pairs["value_below"].clip(lower=floor)
    if min(above.min(), under.min()) <= 0:
        raise ValueError("a ratio needs positive values")
    logs = (above / under).map(math.log).groupby(pairs["seed"]).mean()
    mean = mean_interval([float(value) for value in logs])
    ratio = Interval(math.exp(mean.estimate), math.exp(mean.low), math.exp(mean.high), mean.n)
    subject = f"{metric} of {variant} over {denominator[0]} of {denominator[1]} ({len(pairs)} pairs)"
    limits = f"at most {number(high)}" if low == 0 else f"between {number(low)} and {number(high)}"
    # No ratio is below zero: a small one is far from the limit above it, not close to one below.
    return within_limits(ratio, low or -math.inf, high, unit="1", subject=subject, rule=limits)


def _pairs(
    rows: pd.DataFrame, metric: str, variant: str, baseline: str, over: Sequence[str]
) -> tuple[list[float], list[float], str]:
    one, other = by_seed(rows, metric, variant, over), by_seed(rows, metric, baseline, over)
    if one.unit != other.unit:
        raise ValueError(f"{metric} of {variant} is in {one.unit!r} and of {baseline} in {other.unit!r}")
    # A difference of two percentages is in percentage points.
    return *paired(one, other), "points" if one.unit == "%" else one.unit
