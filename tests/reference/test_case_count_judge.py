"""Counting the cases in which a median is lower, on synthetic records whose answer is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import pytest

from reference.statistics import Judgement, Scope, judge

SHARED = {"path": "r", "experiment": "p/a", "profile": "laptop", "device": "cpu", "key": "k", "code": "c"}
Losses = Mapping[tuple[str, int], Sequence[float]]
BASE: Losses = {("u1", 2): (1, 2, 3), ("u1", 8): (1, 2, 3), ("u3", 2): (1, 2, 3), ("u3", 8): (1, 2, 3)}


def rows(**variants: Losses) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {**SHARED, "variant": name, "seed": seed, "metric": "loss", "value": float(value), "unit": "nats"}
            | {"target": target, "size": size}
            for name, losses in variants.items()
            for (target, size), values in losses.items()
            for seed, value in enumerate(values)
        ]
    )


def decide(table: pd.DataFrame, at_least: float, scope: Scope | None = None, **more: object) -> Judgement:
    arguments: dict[str, object] = {"metric": "loss", "variant": "cnf", "baseline": "nf", "cases": ["target", "size"]}
    return judge("lower_median_in_cases", table, [], {**arguments, "at_least": at_least, **more}, scope or Scope({}))


LOWER_IN_THREE: Losses = {
    ("u1", 2): (0, 1, 2),  # in every seed
    ("u1", 8): (1, 2, 3),  # level everywhere
    ("u3", 2): (9, 1, 2),  # its mean is higher, its median lower
    ("u3", 8): (0, 3, 4),  # lower in one seed alone
}


@pytest.mark.parametrize(
    ("at_least", "partly_from", "status"),
    [(3, 2, "reproduced"), (4, 3, "partly"), (4, 4, "not reproduced"), (1, 1, "reproduced")],
)
def test_cases_are_counted_by_medians_and_a_tie_is_not_higher(at_least: int, partly_from: int, status: str) -> None:
    result = decide(rows(cnf=LOWER_IN_THREE, nf=BASE), at_least, partly_from=partly_from)
    assert result.status == status
    assert (result.measured, result.low, result.high, result.n) == (3.0, 2.0, 4.0, 12)
    assert "in 3 of 4 cases (2 in every seed, 4 in any)" in result.reason
    assert result.reason.endswith("it is higher at target u3, size 8")


def test_without_a_partly_limit_too_few_cases_are_not_reproduced() -> None:
    assert decide(rows(cnf=LOWER_IN_THREE, nf=BASE), 4).status == "not reproduced"


def test_cases_can_be_narrowed_by_the_scope() -> None:
    table = rows(cnf=LOWER_IN_THREE, nf=BASE)
    assert decide(table, 2, Scope({"size": 2})).status == "reproduced"
    assert decide(table, 2, Scope({"target": "u3", "size": [2, 8]})).status == "not reproduced"


@pytest.mark.parametrize(
    ("cnf", "reason"),
    [
        ({("u1", 2): (1, 2, 3)}, "are not of the same cases and seeds"),
        ({case: values[:2] for case, values in BASE.items()}, "are not of the same cases and seeds"),
        ({}, "no loss of cnf"),
    ],
)
def test_what_does_not_pair_up_is_not_tested(cnf: Losses, reason: str) -> None:
    result = decide(rows(cnf=cnf, nf=BASE), 1)
    assert (result.status, reason in result.reason) == ("not tested", True)


def test_repeats_open_axes_and_too_few_cases_are_not_tested() -> None:
    table = rows(cnf=BASE, nf=BASE)
    assert "several values" in decide(pd.concat([table, table]), 1).reason
    assert "differs along size" in decide(table, 1, cases=["target"]).reason
    assert "no loss of cnf along width" in decide(table, 1, cases=["width"]).reason
    assert "has 4 cases, fewer than the 5 of the rule" in decide(table, 5).reason
