"""Intervals of means, error rates and paired differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from reference.statistics.intervals import (
    FEW,
    error_rate_interval,
    mean_interval,
    paired_difference,
    wilson_interval,
)

few_values = st.lists(st.floats(-1e3, 1e3, allow_nan=False), min_size=2, max_size=FEW - 1)


def test_few_samples_give_students_t_interval_as_a_textbook_computes_it() -> None:
    interval = mean_interval([1.0, 2.0, 3.0])
    half = 4.302653 / math.sqrt(3)  # t(0.975, 2) of the tables, times s / sqrt(n), with s = 1
    assert interval.estimate == 2.0
    assert (interval.low, interval.high) == pytest.approx((2.0 - half, 2.0 + half), rel=1e-6)
    assert interval.n == 3


def test_students_t_interval_covers_the_true_mean_at_its_nominal_rate() -> None:
    draws = np.random.default_rng(1).normal(5.0, 2.0, size=(4000, 4))
    covered = np.mean([mean_interval(list(sample)).overlaps(5.0, 5.0) for sample in draws])
    assert covered == pytest.approx(0.95, abs=3 * math.sqrt(0.95 * 0.05 / 4000))


def test_bootstrap_interval_covers_the_mean_of_a_skewed_law_better_than_half_its_misses_allow() -> None:
    draws = np.random.default_rng(2).exponential(1.0, size=(100, 40))
    covered = np.mean([mean_interval(list(sample)).overlaps(1.0, 1.0) for sample in draws])
    assert 0.87 <= covered <= 1.0


def test_bootstrap_is_used_from_ten_samples_on_and_is_the_same_every_time() -> None:
    values = list(np.random.default_rng(3).exponential(1.0, size=FEW))
    first, second = mean_interval(values), mean_interval(values)
    assert first == second
    assert first.high - first.estimate > first.estimate - first.low  # skewed to the right, as the samples are


def test_bootstrap_and_students_t_agree_on_many_normal_samples() -> None:
    values = np.random.default_rng(4).normal(0.0, 1.0, size=200)
    interval = mean_interval(list(values))
    t = stats.t.interval(0.95, 199, loc=values.mean(), scale=stats.sem(values))
    assert (interval.low, interval.high) == pytest.approx(t, abs=0.02)


@pytest.mark.parametrize("values", [[0.3], [0.3, 0.3, 0.3], [0.3] * 12])
def test_samples_without_spread_have_an_interval_of_no_width(values: list[float]) -> None:
    interval = mean_interval(values)
    assert interval.low == interval.high == interval.estimate == pytest.approx(0.3)


@pytest.mark.parametrize("values", [[], [1.0, math.nan], [math.inf]])
def test_no_samples_and_samples_that_are_not_finite_are_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="interval needs"):
        mean_interval(values)


@settings(deadline=None, max_examples=50)
@given(few_values, st.floats(-1e3, 1e3))
def test_shifting_the_samples_shifts_the_interval(values: list[float], shift: float) -> None:
    interval, shifted = mean_interval(values), mean_interval([value + shift for value in values])
    expected = (interval.estimate + shift, interval.low + shift, interval.high + shift)
    assert (shifted.estimate, shifted.low, shifted.high) == pytest.approx(expected, abs=1e-8)


@settings(deadline=None, max_examples=50)
@given(few_values, few_values)
def test_paired_difference_changes_sign_with_its_sides(one: list[float], other: list[float]) -> None:
    n = min(len(one), len(other))
    forth, back = paired_difference(one[:n], other[:n]), paired_difference(other[:n], one[:n])
    assert (forth.estimate, forth.low, forth.high) == pytest.approx((-back.estimate, -back.high, -back.low), abs=1e-9)


def test_paired_difference_ignores_what_both_sides_share() -> None:
    shared = [10.0, -3.0, 44.0]
    difference = paired_difference([value + 0.5 for value in shared], shared)
    assert difference.half_width == pytest.approx(0.0, abs=1e-12)
    assert difference.estimate == pytest.approx(0.5)


def test_paired_difference_refuses_sides_of_different_length() -> None:
    with pytest.raises(ValueError, match="2 and 1"):
        paired_difference([1.0, 2.0], [1.0])


def test_error_rate_without_spread_over_seeds_has_the_binomial_interval_of_its_test_set() -> None:
    interval = error_rate_interval([0.0042, 0.0042, 0.0042], 10_000)
    exact = stats.binomtest(42, 10_000).proportion_ci(method="wilson")
    assert (interval.low, interval.high) == pytest.approx((exact.low, exact.high), rel=1e-9)


def test_error_rate_adds_seeds_and_test_set_in_quadrature() -> None:
    rates = [0.004, 0.005, 0.006]
    seeds, binomial = mean_interval(rates), stats.binomtest(50, 10_000).proportion_ci(method="wilson")
    interval = error_rate_interval(rates, 10_000)
    assert interval.high - 0.005 == pytest.approx(math.hypot(seeds.high - 0.005, binomial.high - 0.005), rel=1e-9)
    assert 0.005 - interval.low == pytest.approx(math.hypot(0.005 - seeds.low, 0.005 - binomial.low), rel=1e-9)


def test_no_error_on_a_small_test_set_is_not_certainty() -> None:
    assert error_rate_interval([0.0, 0.0], 100).high == pytest.approx(0.037, abs=1e-3)


@pytest.mark.parametrize(("rates", "size"), [([1.6], 10_000), ([-0.1], 10_000), ([0.1], 0)])
def test_error_rates_that_are_not_fractions_of_a_test_set_are_refused(rates: list[float], size: int) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        error_rate_interval(rates, size)


def test_wilson_interval_of_whole_counts_is_scipys() -> None:
    exact = stats.binomtest(19, 20).proportion_ci(method="wilson")
    assert wilson_interval(19, 20) == pytest.approx((exact.low, exact.high), rel=1e-9)
