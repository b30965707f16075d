"""Judging in how many cases the median of one variant is below that of another."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from reference.statistics.judgement import Judgement, Printed, Status, number
from reference.statistics.registry import judging_function
from reference.statistics.samples import axes_of, measured, unit_of


@judging_function
def lower_median_in_cases(
    rows: pd.DataFrame,
    published: Sequence[Printed],
    *,
    metric: str,
    variant: str,
    baseline: str,
    cases: Sequence[str],
    at_least: float,
    partly_from: float = float("inf"),
) -> Judgement:
    """The median over seeds of one variant is at most that of another in a given number of cases.

    A case is a combination of the values of some axes; both variants have the same seeds in it.
    Reproduced when there are ``at_least`` cases in which the variant is lower or level, partly when there are
    ``partly_from``, otherwise not reproduced. The interval runs from the cases in which it is so in every seed to those
    in which it is so in any.

    Args:
        rows: Rows of one set of records.
        published: Printed numbers shown beside it; not used.
        metric: The metric, with one value for each seed and case.
        variant: The one that should be lower.
        baseline: The other.
        cases: Axes of which each combination is a case.
        at_least: In how many cases.
        partly_from: From how many cases the claim holds partly.

    Raises:
        ValueError: When the units differ, a side has no measurement, a value is not alone in its case, the sides have
            different cases, or there are fewer cases than asked for.
    """
    del published
    one, other = (_table(rows, metric, name, cases) for name in (variant, baseline))
    units = [unit_of(measured(rows, metric, name)) for name in (variant, baseline)]
    if units[0] != units[1]:
        raise ValueError(f"{metric} of {variant} is in {units[0]!r} and of {baseline} in {units[1]!r}")
    if set(one.index) != set(other.index):
        raise ValueError(f"{metric} of {variant} and of {baseline} are not of the same cases and seeds")
    pairs = one.to_frame("one").join(other.to_frame("other"))
    pairs["lower"] = pairs["one"] <= pairs["other"]
    by_case = pairs.groupby(level=list(cases))
    medians = by_case[["one", "other"]].median()
    lower = medians["one"] <= medians["other"]
    count, total = int(lower.sum()), len(lower)
    if total < at_least:
        raise ValueError(f"{metric} of {variant} has {total} cases, fewer than the {number(at_least)} of the rule")
    always, ever = int(by_case["lower"].all().sum()), int(by_case["lower"].any().sum())
    reason = (
        f"the median {metric} of {variant} is at most that of {baseline} in {count} of {total} cases ({always} in "
        f"every seed, {ever} in any); the rule is at least {number(at_least)}"
    )
    if count < total:
        reason += f"; it is higher at {'; '.join(_words(case, cases) for case in lower.index[~lower])}"
    slack = count - at_least
    status: Status = "reproduced" if slack >= 0 else "partly" if count >= partly_from else "not reproduced"
    return Judgement(status, reason, float(count), float(always), float(ever), len(pairs), "1", slack)


def _table(rows: pd.DataFrame, metric: str, variant: str, cases: Sequence[str]) -> pd.Series[float]:
    """Return the metric by case and seed."""
    found = measured(rows, metric, variant)
    if missing := [case for case in cases if case not in found.columns]:
        raise ValueError(f"no {metric} of {variant} along {', '.join(missing)}")
    if open_axes := [axis for axis in axes_of(found) if axis not in cases]:
        raise ValueError(f"{metric} of {variant} differs along {', '.join(open_axes)}, which the claim leaves open")
    table = found.set_index([*cases, "seed"])["value"].astype(float)
    if table.index.has_duplicates:
        raise ValueError(f"{metric} of {variant} has several values in one case and seed")
    return table.sort_index()


def _words(case: object, cases: Sequence[str]) -> str:
    values = case if isinstance(case, tuple) else (case,)
    return ", ".join(f"{axis} {_plain(value)}" for axis, value in zip(cases, values, strict=True))


def _plain(value: object) -> str:
    return number(value) if isinstance(value, float) else str(value)
