"""Two one-sided tests on paired samples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.weightstats import ttost_paired

from reference.statistics.equivalence import paired_equivalence

noise = st.lists(st.floats(-1.0, 1.0), min_size=3, max_size=9)


@settings(deadline=None, max_examples=60)
@given(noise, st.floats(0.01, 10.0), st.sampled_from([-1.0, 1.0]))
def test_equivalence_is_never_shown_when_the_true_difference_is_ten_margins(
    errors: list[float], margin: float, side: float
) -> None:
    baseline = [0.0] * len(errors)
    samples = [side * 10 * margin + error * margin for error in errors]
    assert not paired_equivalence(samples, baseline, margin).shown


@settings(deadline=None, max_examples=60)
@given(noise, st.floats(-100.0, 100.0))
def test_equivalence_does_not_depend_on_a_common_shift(errors: list[float], shift: float) -> None:
    baseline = [0.1 * index for index in range(len(errors))]
    samples = [base + error for base, error in zip(baseline, errors, strict=True)]
    here = paired_equivalence(samples, baseline, 0.4).difference
    there = paired_equivalence([s + shift for s in samples], [b + shift for b in baseline], 0.4).difference
    assert (there.low, there.high) == pytest.approx((here.low, here.high), abs=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_decision_is_that_of_statsmodels_two_one_sided_tests(seed: int) -> None:
    generator = np.random.default_rng(seed)
    baseline = generator.normal(0.4, 0.05, size=4)
    samples = baseline + generator.normal(0.03, 0.08, size=4)
    p_value = ttost_paired(samples, baseline, -0.15, 0.15)[0]
    assert paired_equivalence(list(samples), list(baseline), 0.15).shown == (p_value < 0.05)


def test_false_equivalence_at_the_margin_happens_at_most_at_the_level_of_the_test() -> None:
    draws = np.random.default_rng(5).normal(0.15, 0.05, size=(3000, 3))
    accepted = np.mean([paired_equivalence(list(draw), [0.0] * 3, 0.15).shown for draw in draws])
    assert accepted <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 3000)


def test_one_pair_never_shows_equivalence() -> None:
    assert not paired_equivalence([0.42], [0.42], 0.15).shown


def test_a_margin_that_is_not_positive_is_refused() -> None:
    with pytest.raises(ValueError, match="margin is positive"):
        paired_equivalence([0.4, 0.5], [0.4, 0.5], 0.0)
