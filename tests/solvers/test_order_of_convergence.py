"""The global error at fixed steps falls with the power of the step size that a method declares."""

from __future__ import annotations

from fractions import Fraction

import pytest

from suite.solvers import ButcherTableau, alpha_family, explicit_methods, solve
from suite.solvers.tableaus import heun2, midpoint, ralston
from tests.solvers.problems import slope, times, toda, toda_reference, toda_start

# Span, and the first number of steps, which grow by 1.25: of seven errors the finest five above 1e-11 are fitted.
SPANS = {1: (0.25, 800), 2: (1.0, 60), 3: (1.0, 60), 4: (3.0, 100), 5: (3.0, 50), 8: (20.0, 60)}
COUNTS = 7


def global_error(tableau: ButcherTableau, span: float, steps: int) -> float:
    options = {"adaptive": False, "step_size": span / steps}
    solution = solve(toda, toda_start(), times(0, span), method=tableau, options=options)
    assert isinstance(solution.states, type(solution.times))
    assert solution.statistics.accepted == steps
    return float((solution.states[-1] - toda_reference(span)).abs().max())


def global_error_slope(tableau: ButcherTableau) -> float:
    span, first = SPANS[tableau.order]
    counts = [round(first * 1.25**i) for i in range(COUNTS)]
    errors = [global_error(tableau, span, steps) for steps in counts]
    return slope([span / steps for steps in counts], errors, 1e-11, 1e-3)


@pytest.mark.parametrize("name", explicit_methods())
def test_global_error_slope_equals_order(name: str) -> None:
    method = explicit_methods()[name]
    assert global_error_slope(method.tableau) == pytest.approx(method.order, abs=0.15)


@pytest.mark.parametrize("alpha", [0.1, 0.25, 0.4, Fraction(3, 5), 0.75, 0.9])
def test_alpha_family_has_global_error_slope_two_at_every_alpha(alpha: float) -> None:
    assert global_error_slope(alpha_family(alpha)) == pytest.approx(2, abs=0.15)


def test_alpha_family_holds_midpoint_ralston_and_heun() -> None:
    for tableau, node, weights in [(midpoint, 1 / 2, (0, 1)), (ralston, 2 / 3, (1 / 4, 3 / 4)), (heun2, 1, (0.5, 0.5))]:
        assert tableau.nodes.tolist() == pytest.approx([0, node])
        assert tableau.weights.tolist() == pytest.approx(weights)
