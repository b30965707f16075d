"""Judging one value of an axis against another, such as one training tolerance against a tighter one."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from reference.statistics.judgement import Judgement, Printed, number
from reference.statistics.judges.comparisons import equivalent
from reference.statistics.registry import judging_function
from reference.statistics.samples import where


@judging_function
def equivalent_along(
    rows: pd.DataFrame,
    published: Sequence[Printed],
    *,
    metric: str,
    variant: str,
    axis: str,
    at: float,
    baseline_at: float,
    margin: float,
    over: Sequence[str] = (),
) -> Judgement:
    """A metric differs between two values of an axis by less than a margin.

    Two one-sided tests at 5 % on the difference paired by seed: reproduced when its 90 % interval lies within
    +- ``margin``, partly when only the mean difference does (more seeds might show it), otherwise not reproduced.

    Args:
        rows: Rows of one set of records.
        published: Printed numbers shown beside it; not used.
        metric: The metric, with one value for each seed and value of the axis.
        variant: Whose.
        axis: The axis.
        at: The one value of it.
        baseline_at: The other.
        margin: The largest difference that does not matter, in the metric's unit.
        over: Axes to average over within a seed.

    Raises:
        ValueError: When a side has no measurement.
    """
    mine = rows[(rows["metric"] == metric) & (rows["variant"] == variant)]
    named = {value: f"{variant} at {axis} {number(value)}" for value in (at, baseline_at)}
    sides = [where(mine, {axis: value}).assign(variant=name).drop(columns=axis) for value, name in named.items()]
    return equivalent(
        pd.concat(sides),
        published,
        metric=metric,
        variant=named[at],
        baseline=named[baseline_at],
        margin=margin,
        over=over,
    )
