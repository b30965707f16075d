"""One rule applied to several cases: every variant named, every combination of some axes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from reference.statistics.judgement import STATUSES, Judgement, Printed, Status, number
from reference.statistics.registry import JUDGES
from reference.statistics.samples import where


@dataclass(frozen=True)
class Scope:
    """Which rows a rule is applied to, and into which cases they are split.

    Attributes:
        where: Value of every axis that is fixed.
        each: Axes of which each combination is a case of its own.
        variants: Variants each of which is a case of its own, given to the rule as ``variant``.
    """

    where: Mapping[str, object]
    each: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()


def judge(
    name: str, rows: pd.DataFrame, published: Sequence[Printed], arguments: Mapping[str, object], scope: Scope
) -> Judgement:
    """Apply a judging function to every case of a claim, and join the decisions.

    Reproduced when every case is, not reproduced when none is even partly, otherwise partly; the numbers are those of
    the worst case, which the reason names. What cannot be judged (a metric that is missing, values that are not finite,
    a curve of two points) is not tested.

    Args:
        name: Name of the judging function.
        rows: Rows of one set of records.
        published: The printed numbers of the claim.
        arguments: Arguments of the judging function.
        scope: Which rows, and into which cases they are split.
    """
    try:
        cases = list(_cases(rows, arguments, scope))
    except ValueError as error:
        return Judgement("not tested", str(error))
    judged = [(words, _judge_case(name, part, published, more)) for words, part, more in cases]
    return judged[0][1] if len(judged) == 1 else _joined(judged)


def _judge_case(
    name: str, rows: pd.DataFrame, published: Sequence[Printed], arguments: Mapping[str, object]
) -> Judgement:
    try:
        return JUDGES[name](rows, published, **arguments)
    except ValueError as error:
        return Judgement("not tested", str(error))


def _cases(
    rows: pd.DataFrame, arguments: Mapping[str, object], scope: Scope
) -> Iterator[tuple[str, pd.DataFrame, dict[str, object]]]:
    """Yield each case in words, its rows, and the arguments of the rule for it."""
    rows = where(rows, scope.where)
    each = list(scope.each)
    for variant in scope.variants or (str(arguments["variant"]),):
        for fixed in _combinations(rows, str(arguments["metric"]), variant, each):
            words = [variant, *(f"{axis} {_value(value)}" for axis, value in fixed.items())]
            yield ", ".join(words), where(rows, fixed), {**arguments, "variant": variant}


def _combinations(rows: pd.DataFrame, metric: str, variant: str, each: list[str]) -> list[dict[str, object]]:
    if not each:
        return [{}]
    own = rows[(rows["metric"] == metric) & (rows["variant"] == variant)]
    if missing := [axis for axis in each if axis not in own.columns or own[axis].isna().all()]:
        raise ValueError(f"no {metric} of {variant} along {', '.join(missing)}")
    distinct = own[each].dropna().drop_duplicates()
    return [dict(zip(each, values, strict=True)) for values in distinct.itertuples(index=False, name=None)]


def _joined(judged: Sequence[tuple[str, Judgement]]) -> Judgement:
    counts = Counter(judgement.status for _, judgement in judged)
    words, worst = max(judged, key=_badness)
    if counts["not tested"] == len(judged):
        return replace(worst, reason=f"{words}: {worst.reason}")
    summary = ", ".join(f"{counts[status]} {status}" for status in STATUSES if counts[status])
    reason = f"{len(judged)} cases: {summary}; the worst is {words}: {worst.reason}"
    if untested := [f"{name}: {judgement.reason}" for name, judgement in judged if judgement.status == "not tested"]:
        reason = f"{reason}; not tested is {untested[0]}"
    return replace(worst, status=_overall(counts), reason=reason)


def _overall(counts: Counter[Status]) -> Status:
    total = counts.total()
    if counts["reproduced"] == total:
        return "reproduced"
    return "not reproduced" if counts["not reproduced"] + counts["not tested"] == total else "partly"


def _badness(case: tuple[str, Judgement]) -> tuple[int, float]:
    """Order cases from those that could not be tested to the one that fails by most."""
    judgement = case[1]
    rank = -1 if judgement.status == "not tested" else STATUSES.index(judgement.status)
    return rank, -judgement.slack


def _value(value: object) -> str:
    return number(value) if isinstance(value, float) else str(value)
