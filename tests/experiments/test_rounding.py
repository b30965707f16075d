"""Significant digits, of numbers of any size."""

from __future__ import annotations

import math

from suite.experiments.rounding import significant


def test_significant_digits_are_counted_from_the_first_that_is_not_zero() -> None:
    assert [significant(each, 3) for each in (1234.56, -0.00123456, 0.0)] == [1230.0, -0.00123, 0.0]
    assert significant(math.pi, 4) == 3.142
    assert significant(-math.inf, 3) == -math.inf
    assert math.isnan(significant(math.nan, 3))
