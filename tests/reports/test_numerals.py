from __future__ import annotations

import math

import pytest

from reports.numerals import estimate, number, seconds, with_unit

THIN = "\N{NARROW NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
TIMES = "\N{NO-BREAK SPACE}\N{MULTIPLICATION SIGN}\N{NO-BREAK SPACE}"
NANO = f"{TIMES}10⁻⁹"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (208266, f"208{THIN}266"),
        (4321, "4321"),
        (0.42, "0.42"),
        (-0.123456, f"{MINUS}0.1235"),
        (2.5e-7, f"2.5{TIMES}10⁻⁷"),
        (1e12, f"1{TIMES}10¹²"),
        (math.inf, "∞"),
        (math.nan, "not a number"),
    ],
)
def test_number(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "low", "high", "text"),
    [
        (0.4234, 0.3456, 0.5012, "0.423 [0.346, 0.501]"),
        (2.2, 0.99, 4.3, "2.2 [1.0, 4.3]"),
        (601482.0, 601482.0, 601482.0, f"601{THIN}482"),
        (1234567.0, 1000000.0, 1400000.0, f"1{THIN}234{THIN}567 [1{THIN}000{THIN}000, 1{THIN}400{THIN}000]"),
        (-0.5, -0.8, 0.2, f"{MINUS}0.50 [{MINUS}0.80, 0.20]"),
        (1.234e-9, 1.0e-9, 1.4e-9, f"1.2{NANO} [1{NANO}, 1.4{NANO}]"),
        (3.0, math.nan, math.nan, "3"),
    ],
)
def test_estimate_has_two_digits_of_its_half_width(value: float, low: float, high: float, text: str) -> None:
    assert estimate(value, low, high) == text


def test_pure_numbers_have_no_unit() -> None:
    assert with_unit("3", "1") == "3"
    assert with_unit("3", "%") == f"3{THIN}%"


@pytest.mark.parametrize(
    ("value", "text"), [(0.84, f"0.84{THIN}s"), (245, "4 min 05 s"), (7800, "2 h 10 min"), (59.9, f"60{THIN}s")]
)
def test_seconds(value: float, text: str) -> None:
    assert seconds(value) == text
