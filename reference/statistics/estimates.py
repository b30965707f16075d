"""Means over seeds with their intervals, straight from rows of records."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from reference.statistics.intervals import Interval, error_rate_interval, mean_interval
from reference.statistics.samples import by_seed

FRACTION_OF = {"%": 0.01, "1": 1.0}
"""How much of the whole one unit of an error rate is."""


def mean_of(
    rows: pd.DataFrame, metric: str, variant: str, over: Sequence[str] = (), test_size: str = ""
) -> tuple[Interval, str]:
    """Return the mean over seeds of a metric, with its interval and unit.

    Args:
        rows: Rows of one set of records.
        metric: The metric.
        variant: Whose.
        over: Axes to average over within a seed.
        test_size: The metric that holds the size of the test set, when the metric is an error rate.

    Raises:
        ValueError: When there is no such metric, it has open axes, or an error rate is not in percent or fractions.
    """
    seeds = by_seed(rows, metric, variant, over)
    values = list(seeds.values.values())
    if not test_size:
        return mean_interval(values), seeds.unit
    if seeds.unit not in FRACTION_OF:
        raise ValueError(f"an error rate is in '%' or '1', and {metric} is in {seeds.unit!r}")
    sizes = set(by_seed(rows, test_size, variant).values.values())
    if len(sizes) != 1:
        raise ValueError(f"{test_size} of {variant} differs between seeds")
    fraction = FRACTION_OF[seeds.unit]
    interval = error_rate_interval([value * fraction for value in values], int(sizes.pop()))
    return interval.scaled(1 / fraction), seeds.unit
