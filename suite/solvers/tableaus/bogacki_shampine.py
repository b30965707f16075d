"""Bogacki and Shampine's 3(2) pair."""

from __future__ import annotations

from fractions import Fraction

from suite.solvers.tableau import ButcherTableau

bosh3 = ButcherTableau(
    a=((Fraction(1, 2),), (0, Fraction(3, 4)), (Fraction(2, 9), Fraction(1, 3), Fraction(4, 9))),
    b=(Fraction(2, 9), Fraction(1, 3), Fraction(4, 9), 0),
    order=3,
    b_embedded=(Fraction(7, 24), Fraction(1, 4), Fraction(1, 3), Fraction(1, 8)),
    embedded_order=2,
    source="Bogacki and Shampine (1989), Applied Mathematics Letters 2, 321-325",
)
