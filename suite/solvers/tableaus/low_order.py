"""Methods of order one to three without error estimate: Euler, the second-order alpha family, Heun's third order."""

from __future__ import annotations

from fractions import Fraction

from suite.solvers.errors import InconsistentTableauError
from suite.solvers.tableau import ButcherTableau

euler = ButcherTableau(a=(), b=(1,), order=1, source="Euler (1768)")


def alpha_family(alpha: float | Fraction) -> ButcherTableau:
    """Return the two-stage second-order method with node ``alpha`` (1/2: midpoint, 2/3: Ralston, 1: Heun).

    Args:
        alpha: Node of the second stage, in (0, 1].

    Raises:
        InconsistentTableauError: When ``alpha`` lies outside (0, 1].
    """
    if not 0 < alpha <= 1:
        raise InconsistentTableauError(f"the second-order alpha family is defined for alpha in (0, 1], not {alpha}")
    node = Fraction(alpha)
    late = 1 / (2 * node)
    return ButcherTableau(
        a=((node,),),
        b=(1 - late, late),
        order=2,
        source="Butcher, Numerical Methods for Ordinary Differential Equations (2016), section 232",
    )


midpoint = alpha_family(Fraction(1, 2))
ralston = alpha_family(Fraction(2, 3))
heun2 = alpha_family(Fraction(1))

heun3 = ButcherTableau(
    a=((Fraction(1, 3),), (0, Fraction(2, 3))),
    b=(Fraction(1, 4), 0, Fraction(3, 4)),
    order=3,
    source="Heun (1900), Zeitschrift fuer Mathematik und Physik 45, 23-38",
)
