"""Second-order methods with an embedded first- or second-order error estimate."""

from __future__ import annotations

from fractions import Fraction

from suite.solvers.tableau import ButcherTableau

adaptive_heun = ButcherTableau(
    a=((1,),),
    b=(Fraction(1, 2), Fraction(1, 2)),
    order=2,
    b_embedded=(1, 0),
    embedded_order=1,
    source="Heun's method with Euler's embedded (Hairer, Norsett and Wanner I, section II.4)",
)

fehlberg2 = ButcherTableau(
    a=((Fraction(1, 2),), (Fraction(1, 256), Fraction(255, 256))),
    b=(Fraction(1, 512), Fraction(255, 256), Fraction(1, 512)),
    order=2,
    b_embedded=(Fraction(1, 256), Fraction(255, 256), 0),
    embedded_order=1,
    source="Fehlberg (1969), NASA Technical Report R-315, RK1(2), advanced with the second-order solution",
)
