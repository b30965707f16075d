"""Judging whether a quantity rises along an axis, such as evaluations during training."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
from scipy import stats

from reference.statistics.intervals import Interval, mean_interval
from reference.statistics.judgement import Judgement, Printed, from_interval, interval_words, number
from reference.statistics.registry import judging_function
from reference.statistics.samples import curve

FEWEST_POINTS = 5


@judging_function
def rises(
    rows: pd.DataFrame,
    published: Sequence[Printed],
    *,
    metric: str,
    against: str,
    variant: str,
    correlation: float = 0.7,
    ratio: float = 1.3,
    ends: float = 0.1,
) -> Judgement:
    """A quantity rises along an axis: in rank, and from its start to its end.

    For each seed, Spearman's rank correlation of the two, and the mean of the quantity over the last ``ends`` of the
    points divided by that over the first. Reproduced when the correlation is above ``correlation`` in every seed and
    the whole interval of the ratio (a geometric mean over seeds) is at least ``ratio``. Partly when the means over the
    seeds satisfy both or one of the two. Otherwise not reproduced.

    Args:
        rows: Rows of one set of records.
        published: Printed numbers shown beside it; not used.
        metric: What should rise.
        against: An axis of it, such as the epoch.
        variant: Whose.
        correlation: The rank correlation to exceed.
        ratio: The least ratio of end to start.
        ends: Share of the points that make an end; one point at least.

    Raises:
        ValueError: When a seed has fewer than five points, or a value is not positive.
    """
    del published
    points = curve(rows, metric, against, variant)
    table = pd.DataFrame({"seed": [case[0] for case in points.cases], "x": points.x, "y": points.y})
    correlations, logs = [], []
    for _, mine in table.groupby("seed"):
        ordered = mine.sort_values("x")["y"].tolist()
        if len(ordered) < FEWEST_POINTS or min(ordered) <= 0:
            raise ValueError(f"{metric} against {against} needs {FEWEST_POINTS} positive values for each seed")
        several = len(set(ordered)) > 1
        rank = float(stats.spearmanr(mine["x"], mine["y"]).statistic) if several else 0.0
        count = max(1, math.floor(ends * len(ordered)))
        correlations.append(rank)
        logs.append(math.log(math.fsum(ordered[-count:]) / math.fsum(ordered[:count])))
    mean = mean_interval(logs)
    growth = Interval(math.exp(mean.estimate), math.exp(mean.low), math.exp(mean.high), mean.n)
    rank = math.fsum(correlations) / len(correlations)
    words = (
        f"{metric} of {variant} ends {interval_words(growth, '')} times as high as it starts, with a rank correlation "
        f"of {number(rank)} with {against} (least {number(min(correlations))}); the rule is at least {number(ratio)} "
        f"times and above {number(correlation)}"
    )
    slack = min(growth.estimate - ratio, rank - correlation)
    if growth.low >= ratio and min(correlations) > correlation:
        return from_interval("reproduced", words, growth, "1", slack)
    if growth.estimate >= ratio or rank > correlation:
        return from_interval("partly", words, growth, "1", slack)
    return from_interval("not reproduced", words, growth, "1", slack)
