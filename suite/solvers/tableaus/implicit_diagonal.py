"""Diagonally implicit methods of second order: their stages are solved for one after the other."""

from __future__ import annotations

from fractions import Fraction
from math import sqrt

from suite.solvers.implicit.tableau import ImplicitTableau

trapezoid = ImplicitTableau(
    a=((0, 0), (Fraction(1, 2), Fraction(1, 2))),
    b=(Fraction(1, 2), Fraction(1, 2)),
    order=2,
    source="the trapezoidal rule (Hairer and Wanner II (1996), section IV.3)",
)

# Of the two values that give order 2, 1 - sqrt(2)/2 and 1 + sqrt(2)/2, both L-stable, this one has the smaller error.
_gamma = 1 - sqrt(2) / 2

sdirk2 = ImplicitTableau(
    a=((_gamma, 0), (1 - _gamma, _gamma)),
    b=(1 - _gamma, _gamma),
    order=2,
    source="Alexander (1977), SIAM Journal on Numerical Analysis 14, 1006-1021",
)

_w = sqrt(2) / 4

trbdf2 = ImplicitTableau(
    a=((0, 0, 0), (_gamma, _gamma, 0), (_w, _w, _gamma)),
    b=(_w, _w, _gamma),
    order=2,
    source="Bank et al. (1985), IEEE Transactions on Electron Devices 32, 1992-2007; as a Runge-Kutta method "
    "Hosea and Shampine (1996), Applied Numerical Mathematics 20, 21-37",
)
