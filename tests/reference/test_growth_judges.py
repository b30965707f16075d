"""Judging growth against a logarithm, and ratios of the smallest times, on synthetic records whose verdict is known."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pandas as pd
import pytest

from reference.statistics import Judgement, Scope, judge
from reference.statistics.judges.logarithmic import linear_share
from tests.reference.test_judges import curves, row

STEPS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)


@pytest.mark.parametrize(
    ("growth", "status"),
    [
        (lambda n: 7.0, "reproduced"),
        (lambda n: 5 + 3 * math.log2(n), "reproduced"),
        (lambda n: 1 + math.ceil(math.log2(n)), "reproduced"),
        (math.sqrt, "not reproduced"),
        (lambda n: 5 + 0.1 * n, "not reproduced"),
    ],
    ids=["constant", "logarithm", "steps of a logarithm", "square root", "straight line"],
)
def test_at_most_logarithmic_tells_a_logarithm_from_a_power(growth: Callable[[int], float], status: str) -> None:
    rows = curves("net", "bytes", "B", "steps", [(n, growth(n)) for n in STEPS])
    arguments = {"metric": "bytes", "against": "steps", "variant": "net"}
    assert judge("at_most_logarithmic", rows, [], arguments, Scope({})).status == status


def test_linear_share_is_the_part_of_the_growth_that_the_line_makes() -> None:
    # From 1 to 1000 the logarithm makes 10 log2(1000) and the line 999 c.
    line = 10 * math.log2(1000) / 999
    y = [10 * math.log2(n) + line * n for n in STEPS]
    share = linear_share(STEPS, y, [0] * len(STEPS))
    assert share.estimate == pytest.approx(0.5)
    two = linear_share([*STEPS, *STEPS], [*y, *(value + 100 for value in y)], [0] * len(STEPS) + [1] * len(STEPS))
    assert two.estimate == pytest.approx(0.5 * (max(y) - min(y)) / (max(y) + 100 - min(y)))


def test_at_most_logarithmic_needs_points_and_a_positive_abscissa() -> None:
    arguments = {"metric": "bytes", "against": "steps", "variant": "net"}
    few = curves("net", "bytes", "B", "steps", [(n, n) for n in (1, 2, 4)])
    assert judge("at_most_logarithmic", few, [], arguments, Scope({})).status == "not tested"
    zero = curves("net", "bytes", "B", "steps", [(n, n) for n in (0, 1, 2, 4, 8)])
    assert "positive abscissae" in judge("at_most_logarithmic", zero, [], arguments, Scope({})).reason


def _times(**libraries: Sequence[float]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            row("forward", 0, "seconds", value, "s", library=name, repeat=repeat, batch=1)
            for name, values in libraries.items()
            for repeat, value in enumerate(values)
        ]
    )


def _ratio(rows: pd.DataFrame, below: Sequence[str], high: float) -> Judgement:
    arguments = {"metric": "seconds", "variant": "forward", "axis": "library", "above": "ours", "below": below}
    return judge("ratio_of_minima", rows, [], {**arguments, "high": high}, Scope({"batch": 1}))


def test_ratio_of_minima_is_that_of_the_least_disturbed_calls_with_the_spread_of_the_repeats() -> None:
    rows = _times(ours=[1.0, 1.1, 5.0], theirs=[2.2, 2.0, 2.5])
    result = _ratio(rows, ["theirs"], 0.6)
    assert result.status == "reproduced"
    assert (result.measured, result.low, result.high) == pytest.approx((0.5, 1 / 2.2, 2.0))
    assert result.n == 3


@pytest.mark.parametrize(
    ("ours", "status"),
    [([1.0, 1.0, 1.0], "reproduced"), ([1.0, 1.3, 1.3], "partly"), ([1.3, 1.3, 1.3], "not reproduced")],
)
def test_ratio_of_minima_needs_the_median_repeat_too(ours: list[float], status: str) -> None:
    assert _ratio(_times(ours=ours, theirs=[1.0] * 3), ["theirs"], 1.1).status == status


def test_ratio_of_minima_is_over_the_fastest_of_those_that_were_measured() -> None:
    rows = _times(ours=[1.0, 1.0], slow=[3.0, 3.0], fast=[0.5, 0.5])
    assert _ratio(rows, ["slow", "fast", "missing"], 3.0).measured == pytest.approx(2.0)
    nothing = _ratio(rows, ["missing"], 3.0)
    assert (nothing.status, nothing.reason) == ("not tested", "no seconds of missing beside that of ours")


def test_ratio_of_minima_refuses_an_open_axis() -> None:
    rows = pd.concat([_times(ours=[1.0], theirs=[1.0]), _times(ours=[1.0], theirs=[1.0]).assign(batch=2)])
    arguments = {
        "metric": "seconds", "variant": "forward", "axis": "library", "above": "ours", "below": ["theirs"], "high": 2.0,
    }  # fmt: skip
    result = judge("ratio_of_minima", rows, [], arguments, Scope({}))
    assert (result.status, result.reason) == (
        "not tested",
        "seconds of ours differs along batch, which the claim leaves open",
    )


def test_ratio_of_minima_needs_repeats() -> None:
    rows = _times(ours=[1.0], theirs=[1.0]).drop(columns="repeat")
    result = _ratio(rows, ["theirs"], 2.0)
    assert (result.status, result.reason) == ("not tested", "seconds of ours was not measured in repeats")
