"""A measured quantity of one variant as the pages show it: its mean over seeds, with the interval the verdicts use."""

from __future__ import annotations

import math

import pandas as pd

from reference.statistics.intervals import Interval, error_rate_interval, mean_interval
from reports.numerals import estimate

PERCENT = "%"


def seed_means(rows: pd.DataFrame) -> list[float]:
    """Return one finite value for each seed, the mean of its raw samples, in the order of the seeds."""
    means = rows.groupby("seed")["value"].mean()
    return [float(value) for value in means if math.isfinite(value)]


def interval_of(rows: pd.DataFrame, test_sizes: pd.Series[float]) -> Interval | None:
    """Return the mean over seeds with its interval, or None when no value is finite.

    An error rate on a test set of known size counts the sampling error of the test set as well.

    Args:
        rows: Rows of one metric of one variant.
        test_sizes: The sizes of the test set that the same cells recorded, if they did.
    """
    values = seed_means(rows)
    if not values:
        return None
    if _is_error_rate(rows) and test_sizes.nunique() == 1:
        return error_rate_interval([value / 100 for value in values], int(test_sizes.iloc[0])).scaled(100)
    return mean_interval(values)


def _is_error_rate(rows: pd.DataFrame) -> bool:
    return str(rows["metric"].iloc[0]).startswith("test_error") and rows["unit"].iloc[0] == PERCENT


def written(interval: Interval | None, unit: str = "") -> str:
    """Write an interval as ``mean [low, high]``."""
    if interval is None:
        return "not finite"
    return estimate(interval.estimate, interval.low, interval.high, unit)
