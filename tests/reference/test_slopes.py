"""Slopes with intervals, pooled over groups."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from reference.statistics.slopes import fit_line, fit_power_law


def test_one_group_is_ordinary_least_squares() -> None:
    generator = np.random.default_rng(6)
    x = generator.uniform(0, 10, size=12)
    y = 3.0 - 0.7 * x + generator.normal(0, 0.5, size=12)
    line, known = fit_line(list(x), list(y)), stats.linregress(x, y)
    quantile = stats.t.ppf(0.975, 10)
    assert line.slope.estimate == pytest.approx(known.slope, rel=1e-10)
    assert line.slope.half_width == pytest.approx(quantile * known.stderr, rel=1e-10)
    assert line.intercept.estimate == pytest.approx(known.intercept, rel=1e-10)
    assert line.intercept.half_width == pytest.approx(quantile * known.intercept_stderr, rel=1e-10)
    assert line.r_squared == pytest.approx(known.rvalue**2, rel=1e-10)


def test_groups_at_different_levels_share_the_slope_they_have() -> None:
    x = [1.0, 2.0, 3.0] * 2
    y = [2 * value for value in x[:3]] + [100 + 2 * value for value in x[3:]]
    line = fit_line(x, y, ["a"] * 3 + ["b"] * 3)
    assert line.slope.estimate == pytest.approx(2.0)
    assert line.slope.half_width == pytest.approx(0.0, abs=1e-9)
    assert line.r_squared == pytest.approx(1.0)


def test_slope_interval_covers_the_true_slope_at_its_nominal_rate() -> None:
    generator = np.random.default_rng(7)
    x = np.tile(np.arange(4.0), 3)
    groups = list(np.repeat([0, 1, 2], 4))
    draws = 1.5 * x + np.repeat([0.0, 50.0, -7.0], 4) + generator.normal(0, 1, size=(3000, 12))
    covered = np.mean([fit_line(list(x), list(y), groups).slope.overlaps(1.5, 1.5) for y in draws])
    assert covered == pytest.approx(0.95, abs=3 * math.sqrt(0.95 * 0.05 / 3000))


@settings(deadline=None, max_examples=50)
@given(st.floats(-3.0, 3.0), st.floats(1e-6, 1e6))
def test_power_law_recovers_its_order_whatever_its_constant(order: float, constant: float) -> None:
    x = [1e-6, 1e-4, 1e-2]
    line = fit_power_law(x, [constant * value**order for value in x])
    assert line.slope.estimate == pytest.approx(order, abs=1e-9)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-10, 10), min_size=4, max_size=8), st.floats(-1e3, 1e3))
def test_slope_does_not_depend_on_the_level(y: list[float], shift: float) -> None:
    x = [float(index) for index in range(len(y))]
    here, there = fit_line(x, y).slope, fit_line(x, [value + shift for value in y]).slope
    assert (there.estimate, there.half_width) == pytest.approx((here.estimate, here.half_width), abs=1e-7)


@pytest.mark.parametrize(
    ("x", "y", "groups", "message"),
    [
        ([1.0, 2.0], [1.0, 2.0], None, "three different abscissae"),
        ([1.0, 1.0, 2.0, 2.0], [1.0, 2.0, 3.0, 4.0], None, "three different abscissae"),
        ([1.0, 2.0, 3.0], [1.0, math.nan, 3.0], None, "finite"),
        ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [0, 1, 2], "more points"),
        ([1.0, 2.0, 3.0, 1.0, 1.0, 1.0], [1.0] * 6, [0, 1, 2, 3, 3, 3], "within a group"),
    ],
)
def test_what_is_no_line_is_refused(x: list[float], y: list[float], groups: list[int] | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit_line(x, y, groups)


def test_a_power_law_refuses_values_that_are_not_positive() -> None:
    with pytest.raises(ValueError, match="positive"):
        fit_power_law([1.0, 2.0, 3.0], [1.0, 0.0, 3.0])
