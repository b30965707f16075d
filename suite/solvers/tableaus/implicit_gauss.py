"""Gauss-Legendre methods: collocation of order twice the stages, A-stable and symplectic.

Hairer and Wanner, *Solving Ordinary Differential Equations II*, section IV.5, tables 5.1 and 5.2.
"""

from __future__ import annotations

from fractions import Fraction
from math import sqrt

from suite.solvers.implicit.tableau import ImplicitTableau

_KUNTZMANN_BUTCHER = "Kuntzmann (1961), ZAMM 41, T28-T31; Butcher (1964), Mathematics of Computation 18, 50-64"

implicit_midpoint = ImplicitTableau(
    a=((Fraction(1, 2),),),
    b=(1,),
    order=2,
    source="the Gauss-Legendre method of one stage (Hairer and Wanner II (1996), section IV.5)",
)

gl4 = ImplicitTableau(
    a=((Fraction(1, 4), 1 / 4 - sqrt(3) / 6), (1 / 4 + sqrt(3) / 6, Fraction(1, 4))),
    b=(Fraction(1, 2), Fraction(1, 2)),
    order=4,
    source=_KUNTZMANN_BUTCHER,
)

gl6 = ImplicitTableau(
    a=(
        (Fraction(5, 36), 2 / 9 - sqrt(15) / 15, 5 / 36 - sqrt(15) / 30),
        (5 / 36 + sqrt(15) / 24, Fraction(2, 9), 5 / 36 - sqrt(15) / 24),
        (5 / 36 + sqrt(15) / 30, 2 / 9 + sqrt(15) / 15, Fraction(5, 36)),
    ),
    b=(Fraction(5, 18), Fraction(4, 9), Fraction(5, 18)),
    order=6,
    source=_KUNTZMANN_BUTCHER,
)
