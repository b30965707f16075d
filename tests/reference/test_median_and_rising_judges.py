"""Judges of medians, of rises and of two values of an axis, on synthetic records whose verdict is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd
import pytest

from reference.statistics import Judgement, Scope, judge

SHARED = {"path": "r", "experiment": "p/a", "profile": "paper", "device": "cpu", "key": "k", "code": "c", "unit": "1"}


def row(seed: int, metric: str, value: float, **axes: object) -> dict[str, object]:
    return {**SHARED, "variant": "net", "seed": seed, "metric": metric, "value": value, **axes}


def decide(name: str, rows: list[dict[str, object]], **arguments: object) -> Judgement:
    return judge(name, pd.DataFrame(rows), [], {"variant": "net", **arguments}, Scope({}))


def ratios(*per_seed: Sequence[float]) -> list[dict[str, object]]:
    return [
        row(seed, "ratio", value, image=image) for seed, mine in enumerate(per_seed) for image, value in enumerate(mine)
    ]


def test_median_ignores_an_outlier_that_a_mean_would_not() -> None:
    result = decide("median_within", ratios((0.4, 0.5, 99.0), (0.5, 0.5, 0.5)), metric="ratio", low=0.35, high=0.65)
    assert (result.status, result.measured, result.n) == ("reproduced", 0.5, 2)


@pytest.mark.parametrize(
    ("values", "limits", "status"),
    [
        (((0.5,), (0.5,), (0.5,)), {"low": 0.35, "high": 0.65}, "reproduced"),
        (((0.3,), (0.5,), (0.7,)), {"low": 0.35, "high": 0.65}, "partly"),
        (((0.9,), (0.9,), (0.9,)), {"low": 0.35, "high": 0.65}, "not reproduced"),
        (((0.9,), (0.9,), (0.9,)), {"low": 0.65}, "reproduced"),
        (((0.9,), (0.9,), (0.9,)), {"high": 0.65}, "not reproduced"),
    ],
)
def test_median_within_limits(values: Sequence[Sequence[float]], limits: dict[str, float], status: str) -> None:
    assert decide("median_within", ratios(*values), metric="ratio", **limits).status == status


@pytest.mark.parametrize(
    ("ratio", "error", "status"),
    [(0.5, 5e-3, "reproduced"), (0.5, 5e-2, "partly"), (0.9, 5e-3, "partly"), (0.9, 5e-2, "not reproduced")],
)
def test_a_cost_that_is_bought_with_accuracy_holds_only_partly(ratio: float, error: float, status: str) -> None:
    rows = [row(seed, "ratio", ratio, tolerance=1e-3) for seed in range(3)]
    rows += [row(seed, "error", error, tolerance=1e-3) for seed in range(3)]
    result = decide(
        "median_within_at_accuracy", rows, metric="ratio", error="error", tolerance="tolerance", low=0.35, high=0.65
    )
    assert (result.status, result.measured) == (status, ratio)
    assert f"the median error over tolerance (3 measurements) is {error / 1e-3:.4g}" in result.reason


def training(of_epoch: Callable[[int], float], seeds: int = 3) -> list[dict[str, object]]:
    return [row(seed, "nfe", of_epoch(epoch) + 0.1 * seed, epoch=epoch) for seed in range(seeds) for epoch in range(20)]


@pytest.mark.parametrize(
    ("of_epoch", "status"),
    [
        (lambda epoch: 10.0 + epoch, "reproduced"),
        (lambda epoch: 100.0 + epoch, "partly"),  # in rank, but not by enough
        (lambda epoch: 10.0 + 10 * (epoch == 19) + 10 * (epoch == 18), "partly"),  # at its end alone
        (lambda epoch: 10.0, "not reproduced"),
        (lambda epoch: 40.0 - epoch, "not reproduced"),
    ],
)
def test_a_rise_is_in_rank_and_in_size(of_epoch: Callable[[int], float], status: str) -> None:
    result = decide("rises", training(of_epoch), metric="nfe", against="epoch")
    assert result.status == status
    start, end = of_epoch(0) + of_epoch(1), of_epoch(18) + of_epoch(19)
    assert result.measured == pytest.approx(end / start, rel=0.02)


def test_a_rise_does_not_depend_on_the_order_of_the_rows_and_needs_five_points() -> None:
    rows = training(lambda epoch: 10.0 + epoch)
    assert decide("rises", rows[::-1], metric="nfe", against="epoch") == decide(
        "rises", rows, metric="nfe", against="epoch"
    )
    assert decide("rises", rows[:4], metric="nfe", against="epoch").status == "not tested"


@pytest.mark.parametrize(("shift", "status"), [(0.1, "reproduced"), (2.0, "not reproduced")])
def test_two_values_of_an_axis_are_compared_seed_by_seed(shift: float, status: str) -> None:
    rows = [
        row(seed, "loss", seed + (shift + 0.01 * seed if tolerance == 1e-3 else 0.0), tolerance=tolerance)
        for seed in range(3)
        for tolerance in (1e-1, 1e-3, 1e-5)
    ]
    result = decide("equivalent_along", rows, metric="loss", axis="tolerance", at=1e-3, baseline_at=1e-5, margin=1.0)
    assert (result.status, result.n) == (status, 3)
    assert result.measured == pytest.approx(shift + 0.01)
    assert "loss of net at tolerance 0.001 minus that of net at tolerance 1e-05" in result.reason
