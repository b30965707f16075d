"""Judging ratios of wall times from calls that were made in turn."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from reference.statistics.intervals import Interval
from reference.statistics.judgement import Judgement, Printed, from_interval, interval_words, number
from reference.statistics.registry import judging_function
from reference.statistics.samples import RECORD_COLUMNS, measured, unit_of, where


@judging_function
def ratio_of_minima(
    rows: pd.DataFrame,
    published: Sequence[Printed],
    *,
    metric: str,
    variant: str,
    axis: str,
    above: str,
    below: Sequence[str],
    high: float,
    repeat: str = "repeat",
) -> Judgement:
    """One time is at most so many times the fastest of others.

    A disturbance makes a time longer and never shorter, so the ratio is that of the smallest times of all repeats; its
    spread is that of the ratios of single repeats, smallest to largest. Reproduced when the ratio and the median of the
    repeats' are at most ``high``, partly when only one of the two is, otherwise not reproduced.

    Args:
        rows: Rows of one set of records, one time for each side and repeat.
        published: Printed numbers shown beside it; not used.
        metric: The time.
        variant: Whose cell measured both sides.
        axis: The axis that tells the sides apart.
        above: The numerator's value on that axis.
        below: The denominators' values, of which the fastest counts; those without a measurement are left out.
        high: Upper limit of the ratio.
        repeat: The axis of the repeats.

    Raises:
        ValueError: When a side has no measurement, or a third axis is left open.
    """
    del published
    times = measured(rows, metric, variant)
    one = _by_repeat(where(times, {axis: above}), f"{metric} of {above}", axis, repeat)
    others = [
        _by_repeat(found, f"{metric} of {name}", axis, repeat)
        for name in below
        if not (found := where(times, {axis: name})).empty
    ]
    if not others:
        raise ValueError(f"no {metric} of {', '.join(below)} beside that of {above}")
    fastest = pd.concat(others, axis="columns").min(axis="columns")
    ratios = (one / fastest).dropna()
    interval = Interval(float(one.min() / fastest.min()), float(ratios.min()), float(ratios.max()), len(ratios))
    median = float(ratios.median())
    worst = max(interval.estimate, median)
    words = (
        f"{metric} of {above} over {'the fastest of ' if len(below) > 1 else ''}{', '.join(below)} is "
        f"{interval_words(interval, '1')}, in the median of the repeats {number(median)}; the rule is at most "
        f"{number(high)}"
    )
    slack = math.log(high / worst)
    if worst <= high:
        return from_interval("reproduced", words, interval, "1", slack)
    if min(interval.estimate, median) <= high:
        return from_interval("partly", words, interval, "1", slack)
    return from_interval("not reproduced", words, interval, "1", slack)


def _by_repeat(rows: pd.DataFrame, what: str, axis: str, repeat: str) -> pd.Series[float]:
    """Return the smallest value of each seed's repeats."""
    if rows.empty:
        raise ValueError(f"no {what}")
    if repeat not in rows.columns:
        raise ValueError(f"{what} was not measured in repeats")
    axes = [name for name in rows.columns if name not in (*RECORD_COLUMNS, axis, repeat)]
    if open_axes := [name for name in axes if rows[name].nunique(dropna=False) > 1]:
        raise ValueError(f"{what} differs along {', '.join(open_axes)}, which the claim leaves open")
    if unit_of(rows) == "" or (rows["value"] <= 0).any():
        raise ValueError(f"a ratio needs positive values of {what}")
    smallest: pd.Series[float] = rows.groupby(["seed", repeat])["value"].min()
    return smallest
