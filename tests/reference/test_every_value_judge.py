"""The judge of exact facts, on synthetic records whose verdict is known."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import pytest

from reference.statistics import Judgement, Scope, judge

SHARED = {"path": "r", "experiment": "p/a", "profile": "quick", "device": "cpu", "key": "k", "code": "c", "unit": "1"}


def decide(values: Sequence[float], **arguments: object) -> Judgement:
    rows = [
        {**SHARED, "variant": "net", "seed": number % 2, "metric": "gap", "value": value, "case": number}
        for number, value in enumerate(values)
    ]
    given = {"variant": "net", "metric": "gap", **arguments}
    return judge("every_value_within", pd.DataFrame(rows), [], given, Scope({}))


@pytest.mark.parametrize(
    ("values", "limits", "status"),
    [
        ((1.0, 2.0, 3.0), {"at_least": 1.0}, "reproduced"),
        ((1.0, 2.0, 3.0), {"above": 1.0}, "not reproduced"),
        ((1.0, 2.0, 3.0), {"at_most": 3.0}, "reproduced"),
        ((1.0, 2.0, 3.0), {"below": 3.0}, "not reproduced"),
        ((1.0, 2.0, 3.0), {"at_least": 0.0, "at_most": 2.9}, "not reproduced"),
        ((1.0, 1.0), {"at_least": 1.0, "at_most": 1.0}, "reproduced"),
        ((1e-9, 1e9), {"above": 0.0}, "reproduced"),
        ((0.0, 1e9), {"above": 0.0}, "not reproduced"),
    ],
)
def test_one_exception_refutes_an_exact_fact(values: Sequence[float], limits: dict[str, float], status: str) -> None:
    assert decide(values, **limits).status == status


def test_the_worst_measurement_is_reported_between_smallest_and_largest() -> None:
    result = decide((0.5, 4.0, -2.0), at_least=0.0)
    assert (result.measured, result.low, result.high, result.n, result.slack) == (-2.0, -2.0, 4.0, 3, -2.0)
    assert "2 of 3 measurements of gap of net are at least 0" in result.reason


def test_without_a_limit_nothing_is_tested() -> None:
    result = decide((1.0,))
    assert result.status == "not tested"
    assert "a limit is needed" in result.reason
