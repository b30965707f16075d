"""Each judging function on synthetic records whose verdict is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference.statistics import JUDGES, Judgement, Scope, check_arguments, judge, rule

SHARED = {"path": "r", "experiment": "p/a", "profile": "paper", "device": "cpu", "key": "k", "code": "c"}


@dataclass(frozen=True)
class Number:
    value: float | None
    unit: str


def row(variant: str, seed: int, metric: str, value: float, unit: str, **axes: object) -> dict[str, object]:
    return {**SHARED, "variant": variant, "seed": seed, "metric": metric, "value": value, "unit": unit, **axes}


def errors(**values: Sequence[float]) -> pd.DataFrame:
    """Test errors in percent by variant and seed, on 10,000 images."""
    rows = []
    for variant, of_seeds in values.items():
        for seed, value in enumerate(of_seeds):
            rows.append(row(variant, seed, "error", value, "%"))
            rows.append(row(variant, seed, "test_size", 10_000, "images"))
    return pd.DataFrame(rows)


def curves(variant: str, metric: str, unit: str, axis: str, points: Sequence[tuple[float, float]]) -> pd.DataFrame:
    return pd.DataFrame([row(variant, 0, metric, y, unit, **{axis: x}) for x, y in points])


def decide(
    name: str, rows: pd.DataFrame, scope: Scope | None = None, printed: Number | None = None, /, **arguments: object
) -> Judgement:
    return judge(name, rows, [printed] if printed else [], arguments, scope or Scope({}))


@pytest.mark.parametrize(
    ("measured", "status"),
    [
        ((0.42, 0.43, 0.41), "reproduced"),
        ((0.60, 0.61, 0.59), "reproduced"),  # its interval of +- 0.16 reaches 0.55
        ((0.90, 0.91, 0.89), "not reproduced"),
        ((0.60, 0.90, 1.20), "partly"),  # only a very wide interval reaches 0.55
    ],
)
def test_equals_published_by_overlap_with_seeds_and_test_set(measured: tuple[float, ...], status: str) -> None:
    rows = errors(net=measured)
    result = decide(
        "equals_published",
        rows,
        None,
        Number(0.42, "%"),
        metric="error",
        variant="net",
        margin=0.17,
        test_size="test_size",
    )
    assert result.status == status
    assert result.measured == pytest.approx(np.mean(measured))
    assert result.n == 3
    assert result.unit == "%"


@pytest.mark.parametrize(
    ("count", "status"),
    [(601_482, "reproduced"), (576_778, "partly"), (300_000, "not reproduced")],
)
def test_equals_published_for_a_count_has_no_interval(count: int, status: str) -> None:
    rows = pd.DataFrame([row("net", 0, "parameters", count, "1")])
    result = decide(
        "equals_published",
        rows,
        None,
        Number(600_000, "1"),
        metric="parameters",
        variant="net",
        margin=5000,
        wider_margin=60_000,
    )
    assert (result.status, result.low, result.high, result.n) == (status, None, None, 1)


def test_equals_published_refuses_another_unit_and_a_curve() -> None:
    rows = errors(net=[0.4])
    arguments = {"metric": "error", "variant": "net", "margin": 0.1}
    other = decide("equals_published", rows, None, Number(0.004, "1"), **arguments)
    assert (other.status, other.reason) == ("not tested", "error is in '%' and the printed number in '1'")
    assert decide("equals_published", rows, None, Number(None, "%"), **arguments).status == "not tested"


@pytest.mark.parametrize(
    ("shift", "scatter", "status"),
    [(0.02, 0.01, "reproduced"), (0.10, 0.10, "partly"), (0.30, 0.01, "not reproduced"), (-1.5, 0.1, "not reproduced")],
)
def test_equivalent_is_two_one_sided_tests_on_pairs(shift: float, scatter: float, status: str) -> None:
    base = [0.41, 0.52, 0.33]
    net = [value + shift + wobble * scatter for value, wobble in zip(base, (-1, 0, 1), strict=True)]
    result = decide(
        "equivalent", errors(net=net, base=base), metric="error", variant="net", baseline="base", margin=0.15
    )
    assert result.status == status
    assert result.measured == pytest.approx(shift)


def test_pairs_are_formed_by_seed_and_not_by_order() -> None:
    rows = errors(net=[1.0, 2.0, 3.0], base=[1.1, 2.1, 3.1])
    shuffled = rows.sample(frac=1, random_state=1)
    result = decide("less_than", shuffled, metric="error", variant="net", baseline="base")
    assert result.status == "reproduced"
    assert result.measured == pytest.approx(-0.1)


@pytest.mark.parametrize(
    ("net", "margin", "status"),
    [
        ((0.5, 0.6, 0.7), 0.0, "reproduced"),
        ((0.5, 0.6, 0.7), 0.5, "not reproduced"),
        ((0.4, 0.9, 0.9), 0.0, "partly"),
        ((1.5, 1.6, 1.7), 0.0, "not reproduced"),
    ],
)
def test_less_than_needs_the_whole_interval(net: tuple[float, ...], margin: float, status: str) -> None:
    rows = errors(net=net, base=(0.8, 0.9, 1.0))
    assert decide("less_than", rows, metric="error", variant="net", baseline="base", margin=margin).status == status


@pytest.mark.parametrize(
    ("name", "threshold", "status"),
    [
        ("below", 0.7, "reproduced"),
        ("below", 0.47, "partly"),
        ("below", 0.3, "not reproduced"),
        ("above", 0.3, "reproduced"),
        ("above", 0.43, "partly"),
        ("above", 0.7, "not reproduced"),
    ],
)
def test_thresholds(name: str, threshold: float, status: str) -> None:
    rows = errors(net=(0.44, 0.45, 0.46))
    arguments = {"metric": "error", "variant": "net", "threshold": threshold, "test_size": "test_size"}
    assert decide(name, rows, **arguments).status == status


@pytest.mark.parametrize(
    ("bad", "status"), [(0, "reproduced"), (1, "reproduced"), (2, "partly"), (9, "not reproduced")]
)
def test_fraction_below_line_counts_points(bad: int, status: str) -> None:
    tolerances = [10.0**-k for k in range(1, 5)] * 5
    points = [(t, 3 * t if index < bad else 0.3 * t) for index, t in enumerate(tolerances)]
    rows = curves("net", "error", "1", "tolerance", points)
    result = decide("fraction_below_line", rows, metric="error", line="tolerance", variant="net")
    assert result.status == status
    assert result.measured == pytest.approx(1 - bad / 20)
    assert result.n == 20


@settings(deadline=None, max_examples=40)
@given(st.floats(0.6, 1.4), st.floats(1e-3, 1e3))
def test_slope_of_an_exact_power_law_is_found_whatever_its_constant(order: float, constant: float) -> None:
    points = [(10.0**-k, constant * 10.0 ** (-k * order)) for k in range(2, 8)]
    rows = curves("net", "error", "1", "tolerance", points)
    arguments = {"metric": "error", "against": "tolerance", "variant": "net", "low": 0.5, "high": 1.5}
    result = decide("slope_within", rows, **arguments)
    assert result.status == "reproduced"
    assert result.measured == pytest.approx(order, abs=1e-9)


def test_slope_leaves_out_what_the_reference_cannot_resolve() -> None:
    points = [(10.0**-k, max(10.0**-k, 1e-9)) for k in range(2, 13)]
    rows = curves("net", "error", "1", "tolerance", points)
    arguments = {"metric": "error", "against": "tolerance", "variant": "net", "low": 0.9, "high": 1.1}
    assert decide("slope_within", rows, **arguments).status == "not reproduced"
    assert decide("slope_within", rows, floor=2e-9, **arguments).status == "reproduced"


def test_linear_slope_against_another_metric_of_the_same_axes() -> None:
    rows = pd.DataFrame(
        [row("net", seed, "nfe", 10.0 * e + seed, "evaluations", epoch=e) for seed in range(2) for e in range(1, 6)]
        + [row("net", seed, "seconds", 0.5 * e + seed, "s", epoch=e) for seed in range(2) for e in range(1, 6)]
    )
    arguments = {"metric": "seconds", "against": "nfe", "variant": "net", "low": 0.04, "high": 0.06, "scale": "linear"}
    result = decide("slope_within", rows, **arguments)
    assert result.status == "reproduced"
    assert result.measured == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("growth", "status"), [(0.0, "reproduced"), (0.02, "partly"), (0.5, "not reproduced"), (-0.5, "not reproduced")]
)
def test_constant_is_no_growth_relative_to_the_start(growth: float, status: str) -> None:
    points = [(x, 1000 * (1 + growth * (x - 10) / 90)) for x in (10.0, 25.0, 60.0, 100.0)]
    result = decide(
        "constant",
        curves("net", "saved_bytes", "B", "depth", points),
        metric="saved_bytes",
        against="depth",
        variant="net",
        margin=0.05,
    )
    assert result.status == status
    assert result.measured == pytest.approx(100 * growth, abs=1e-9)
    assert result.unit == "%"


def test_linear_growth_is_not_constant_and_constant_is_no_growth() -> None:
    flat = curves("net", "saved_bytes", "B", "depth", [(x, 5e6) for x in (1.0, 2.0, 4.0, 6.0)])
    linear = curves("net", "saved_bytes", "B", "depth", [(x, 5e6 + 1e6 * x) for x in (1.0, 2.0, 4.0, 6.0)])
    arguments = {"metric": "saved_bytes", "against": "depth", "variant": "net"}
    assert decide("grows_linearly", linear, **arguments).status == "reproduced"
    assert decide("grows_linearly", flat, **arguments).status == "not reproduced"
    assert decide("constant", linear, margin=0.05, **arguments).status == "not reproduced"


def test_of_repeated_times_the_fastest_counts() -> None:
    line = [(x, 1 + 0.1 * x) for x in (1.0, 2.0, 4.0, 8.0)]
    slow = [(x, y + delay) for (x, y), delay in zip(line, (3.0, 0.0, 2.0, 0.5), strict=True)]
    repeats = [curves("net", "seconds", "s", "depth", points).assign(repeat=i) for i, points in enumerate((slow, line))]
    arguments = {"metric": "seconds", "against": "depth", "variant": "net"}
    assert decide("grows_linearly", pd.concat(repeats, ignore_index=True), **arguments).status != "reproduced"
    fastest = decide("grows_linearly", pd.concat(repeats, ignore_index=True), smallest_over=["repeat"], **arguments)
    assert (fastest.status, fastest.n) == ("reproduced", 4)
    assert fastest.measured == pytest.approx(0.1)


def test_growth_that_is_not_straight_is_partly_linear() -> None:
    rows = curves("net", "seconds", "s", "depth", [(x, x**6) for x in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0)])
    assert decide("grows_linearly", rows, metric="seconds", against="depth", variant="net").status == "partly"


@pytest.mark.parametrize(("offset", "status"), [(0.0, "reproduced"), (3.0, "partly")])
def test_proportion_is_a_line_through_the_origin(offset: float, status: str) -> None:
    rows = curves("net", "seconds", "s", "depth", [(x, offset + 0.1 * x) for x in (10.0, 20.0, 40.0, 80.0)])
    result = decide("in_proportion", rows, metric="seconds", against="depth", variant="net")
    assert result.status == status
    assert result.measured == pytest.approx(100 * offset / 7.0, abs=1e-6)


def test_ratio_is_a_geometric_mean_over_matching_axes() -> None:
    rows = pd.concat(
        [
            curves("ours", "error", "1", "tolerance", [(1e-3, 2e-3), (1e-6, 2e-6), (1e-12, 7e-16)]),
            curves("theirs", "error", "1", "tolerance", [(1e-3, 1e-3), (1e-6, 1e-6), (1e-12, 1e-19), (1e-13, 5.0)]),
        ]
    )
    arguments = {"metric": "error", "variant": "ours", "baseline": "theirs", "floor": 1e-9}
    assert decide("ratio_within", rows, high=3.0, **arguments).measured == pytest.approx(4 ** (1 / 3))
    assert decide("ratio_within", rows, high=3.0, **arguments).status == "reproduced"
    assert decide("ratio_within", rows, high=1.2, **arguments).status == "not reproduced"
    assert decide("ratio_within", rows, high=9.0, low=2.0, **arguments).status == "not reproduced"


def test_pairs_are_formed_within_a_seed_that_both_sides_have() -> None:
    seeds = (0, 1, 2)
    ours = [row("ours", seed, "error", 2.0 * 10.0**seed, "1", tolerance=1e-3) for seed in seeds]
    theirs = [row("theirs", seed, "error", 10.0**seed, "1", tolerance=1e-3) for seed in (*seeds, 3)]
    arguments = {"metric": "error", "variant": "ours", "baseline": "theirs"}
    ratio = decide("ratio_within", pd.DataFrame(ours + theirs), high=3.0, low=1.5, **arguments)
    assert (ratio.status, ratio.n) == ("reproduced", 3)
    assert ratio.reason.startswith("error of ours over error of theirs (3 pairs)")
    assert (ratio.low, ratio.high) == pytest.approx((2.0, 2.0))
    difference = decide("less_than", pd.DataFrame(theirs[:1] + theirs[2:] + ours), **arguments)
    assert difference.n == 2
    assert difference.measured == pytest.approx((1.0 + 100.0) / 2)


def test_ratio_of_two_metrics_of_one_variant() -> None:
    rows = pd.DataFrame(
        [row("net", seed, "backward", 44.0 + seed, "evaluations", tolerance=1e-3) for seed in range(3)]
        + [row("net", seed, "forward", 100.0, "evaluations", tolerance=1e-3) for seed in range(3)]
    )
    arguments = {"metric": "backward", "variant": "net", "baseline_metric": "forward"}
    assert decide("ratio_within", rows, low=0.35, high=0.65, **arguments).status == "reproduced"


@settings(deadline=None, max_examples=30)
@given(st.floats(-50.0, 50.0))
def test_comparisons_do_not_depend_on_a_common_shift(shift: float) -> None:
    net, base = np.array([0.5, 0.62, 0.7]), np.array([0.8, 0.9, 1.0])
    arguments = {"metric": "error", "variant": "net", "baseline": "base"}
    here = decide("less_than", errors(net=net.tolist(), base=base.tolist()), **arguments)
    there = decide("less_than", errors(net=(net + shift).tolist(), base=(base + shift).tolist()), **arguments)
    assert there.status == here.status
    assert there.high == pytest.approx(here.high, abs=1e-9)


def test_every_case_has_to_hold_and_the_worst_is_named() -> None:
    rows = pd.DataFrame(
        [row("a", 0, "error", value, "1", problem=problem) for problem, value in (("linear", 1e-9), ("stiff", 1e-3))]
        + [row("b", 0, "error", 1e-9, "1", problem=problem) for problem in ("linear", "stiff")]
    )
    scope = Scope({}, each=("problem",), variants=("a", "b"))
    arguments = {"metric": "error", "threshold": 1e-6}
    result = decide("below", rows, scope, **arguments)
    assert result.status == "partly"
    assert result.measured == pytest.approx(1e-3)
    assert result.reason.startswith("4 cases: 3 reproduced, 1 not reproduced; the worst is a, problem stiff: ")
    assert decide("below", rows, Scope({}, ("problem",), ("b",)), **arguments).status == "reproduced"
    assert (
        decide("below", rows, Scope({"problem": "stiff"}, ("problem",), ("a",)), **arguments).status == "not reproduced"
    )


def test_a_case_that_cannot_be_tested_keeps_a_claim_from_being_reproduced() -> None:
    rows = pd.DataFrame([row("a", 0, "error", 1e-9, "1")])
    result = decide("below", rows, Scope({}, variants=("a", "b")), metric="error", threshold=1e-6)
    assert result.status == "partly"
    assert "not tested is b: no error of b" in result.reason


def test_axes_are_fixed_by_number_or_by_list() -> None:
    rows = curves("net", "error", "1", "tolerance", [(1e-3, 1.0), (1e-10, 1e-9), (1e-6, 1.0)])
    arguments = {"metric": "error", "variant": "net", "threshold": 1e-6}
    assert decide("below", rows, Scope({"tolerance": 1e-10}), **arguments).status == "reproduced"
    named = rows.assign(wrt=["times", "y0", "parameters"])
    assert decide("below", named, Scope({"wrt": ["y0"]}, each=("tolerance",)), **arguments).status == "reproduced"


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("below", {"metric": "loss", "variant": "net", "threshold": 1.0}, "no loss of net"),
        ("below", {"metric": "error", "variant": "net", "threshold": 1.0}, "error of net differs along epoch"),
        ("below", {"metric": "bad", "variant": "net", "threshold": 1.0}, "not finite"),
        ("below", {"metric": "mixed", "variant": "net", "threshold": 1.0}, "several units"),
        ("constant", {"metric": "error", "variant": "net", "against": "epoch", "margin": 1.0}, "three different"),
        ("less_than", {"metric": "error", "variant": "net", "baseline": "other"}, "no error of other"),
    ],
)
def test_what_cannot_be_judged_is_not_tested_and_says_why(name: str, arguments: dict[str, object], reason: str) -> None:
    rows = pd.DataFrame(
        [
            row("net", 0, "error", 0.5, "%", epoch=1),
            row("net", 0, "error", 0.4, "%", epoch=2),
            row("net", 0, "bad", float("nan"), "%"),
            row("net", 0, "mixed", 1.0, "%"),
            row("net", 1, "mixed", 1.0, "1"),
        ]
    )
    arguments = {"over": ["epoch"], **arguments} if "baseline" in arguments else arguments
    result = decide(name, rows, **arguments)
    assert result.status == "not tested"
    assert reason in result.reason


def test_open_axes_may_be_averaged_over() -> None:
    rows = pd.DataFrame([row("net", s, "error", 0.4 + 0.1 * e, "%", epoch=e) for s in range(3) for e in (1, 3)])
    result = decide("below", rows, metric="error", variant="net", threshold=1.0, over=["epoch"])
    assert (result.status, result.n) == ("reproduced", 3)
    assert result.measured == pytest.approx(0.6)


def test_every_judge_states_its_rule_in_words_of_the_verdicts() -> None:
    for name in JUDGES:
        assert "eproduced" in rule(name)
        assert "Args:" not in rule(name)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("belo", {}, "unknown judge 'belo'; the judges are above, at_most_logarithmic, below"),
        ("below", {"metric": "e", "variant": "v"}, "needs the argument 'threshold'"),
        ("below", {"metric": "e", "variant": "v", "threshold": 1, "margin": 1}, "has no argument 'margin'"),
        ("below", {"metric": "e", "variant": "v", "threshold": "1"}, "'threshold' of judge 'below' is a number"),
        ("below", {"metric": "e", "variant": 1, "threshold": 1}, "'variant' of judge 'below' is a string"),
        ("below", {"metric": "e", "variant": "v", "threshold": 1, "over": "epoch"}, "is a list of strings"),
    ],
)
def test_arguments_are_checked_against_the_judge(name: str, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_arguments(name, arguments)
