"""Radau IIA methods: collocation of order twice the stages less one, L-stable and stiffly accurate.

Hairer and Wanner, *Solving Ordinary Differential Equations II*, section IV.5, tables 5.5 and 5.6.
"""

from __future__ import annotations

from fractions import Fraction
from math import sqrt

from suite.solvers.implicit.tableau import ImplicitTableau

_EHLE_AXELSSON = "Ehle (1969), University of Waterloo research report CSRR 2010; Axelsson (1969), BIT 9, 185-199"

implicit_euler = ImplicitTableau(
    a=((1,),),
    b=(1,),
    order=1,
    source="the Radau IIA method of one stage (Hairer and Wanner II (1996), section IV.5)",
)

radau_iia3 = ImplicitTableau(
    a=((Fraction(5, 12), Fraction(-1, 12)), (Fraction(3, 4), Fraction(1, 4))),
    b=(Fraction(3, 4), Fraction(1, 4)),
    order=3,
    source=_EHLE_AXELSSON,
)

_last = ((16 - sqrt(6)) / 36, (16 + sqrt(6)) / 36, Fraction(1, 9))

radau_iia5 = ImplicitTableau(
    a=(
        ((88 - 7 * sqrt(6)) / 360, (296 - 169 * sqrt(6)) / 1800, (-2 + 3 * sqrt(6)) / 225),
        ((296 + 169 * sqrt(6)) / 1800, (88 + 7 * sqrt(6)) / 360, (-2 - 3 * sqrt(6)) / 225),
        _last,
    ),
    b=_last,
    order=5,
    source=_EHLE_AXELSSON,
)
