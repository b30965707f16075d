"""Judging that a statement holds for every single measurement, as an exact fact does."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from reference.statistics.judgement import Judgement, Printed, Status, number, quantity
from reference.statistics.registry import judging_function
from reference.statistics.samples import measured, unit_of


@judging_function
def every_value_within(
    rows: pd.DataFrame,
    published: Sequence[Printed],
    *,
    metric: str,
    variant: str,
    at_least: float = -math.inf,
    at_most: float = math.inf,
    above: float = -math.inf,
    below: float = math.inf,
) -> Judgement:
    """Every measurement, of every seed and along all axes, lies within limits.

    Reproduced when all do, otherwise not reproduced: one exception refutes an exact fact. What is reported is the
    measurement that comes nearest to a limit, or goes furthest beyond it, between the smallest and the largest.

    Args:
        rows: Rows of one set of records.
        published: Printed numbers shown beside it; not used.
        metric: The metric.
        variant: Whose.
        at_least: A lower limit that a measurement may have, in the metric's unit.
        at_most: An upper limit that a measurement may have.
        above: A lower limit that a measurement may not have.
        below: An upper limit that a measurement may not have.

    Raises:
        ValueError: When there is no measurement, one is not finite, or there is no limit.
    """
    del published
    limits = {"at least": at_least, "above": above, "at most": at_most, "below": below}
    given = {words: limit for words, limit in limits.items() if math.isfinite(limit)}
    if not given:
        raise ValueError("a limit is needed: 'at_least', 'above', 'at_most' or 'below'")
    found = measured(rows, metric, variant)
    values, unit = [float(value) for value in found["value"]], unit_of(found)
    inside = sum(at_least <= value <= at_most and above < value < below for value in values)
    slacks = [min(value - max(at_least, above), min(at_most, below) - value) for value in values]
    slack = min(slacks)
    rule = " and ".join(f"{words} {quantity(limit, unit)}" for words, limit in given.items())
    reason = (
        f"{inside} of {len(values)} measurements of {metric} of {variant} are {rule}; they lie between "
        f"{number(min(values))} and {quantity(max(values), unit)}"
    )
    status: Status = "reproduced" if inside == len(values) else "not reproduced"
    return Judgement(status, reason, values[slacks.index(slack)], min(values), max(values), len(values), unit, slack)
