"""Kutta's two fourth-order methods."""

from __future__ import annotations

from fractions import Fraction

from suite.solvers.tableau import ButcherTableau

_SOURCE = "Kutta (1901), Zeitschrift fuer Mathematik und Physik 46, 435-453"

rk4 = ButcherTableau(
    a=((Fraction(1, 3),), (Fraction(-1, 3), 1), (1, -1, 1)),
    b=(Fraction(1, 8), Fraction(3, 8), Fraction(3, 8), Fraction(1, 8)),
    order=4,
    source=f"{_SOURCE}: the 3/8 rule, which torchdiffeq calls rk4",
)

rk4_classic = ButcherTableau(
    a=((Fraction(1, 2),), (0, Fraction(1, 2)), (0, 0, 1)),
    b=(Fraction(1, 6), Fraction(1, 3), Fraction(1, 3), Fraction(1, 6)),
    order=4,
    source=f"{_SOURCE}: the classic method",
)
