"""Implicit methods converge with their order, have their stability function, and keep quadratic invariants."""

from __future__ import annotations

import cmath

import pytest
import torch
from torch import Tensor

from suite.solvers import CountedField, ImplicitMethod, ImplicitTableau, odeint, odeint_dense, solve
from tests.solvers.implicit import GAUSS, TABLEAUS
from tests.solvers.problems import slope, times, toda, toda_reference, toda_start

STEPS = {1: 150, 2: 60, 3: 40, 4: 20, 5: 24, 6: 20}  # the coarsest of five grids, each a quarter finer than the last


@pytest.mark.parametrize("name", TABLEAUS)
def test_global_error_slope_of_implicit_methods_equals_order(name: str) -> None:
    order = TABLEAUS[name].order
    span = 0.5 if order == 1 else 2.0
    counts = [round(STEPS[order] * 1.25**i) for i in range(5)]
    errors = []
    for count in counts:
        with torch.no_grad():
            states = odeint(toda, toda_start(), times(0, span), method=name, options={"step_size": span / count})
        assert isinstance(states, Tensor)
        errors.append(float((states[-1] - toda_reference(span)).abs().max()))
    assert slope([span / count for count in counts], errors, 1e-11, 3e-2) == pytest.approx(order, abs=0.15)


@pytest.mark.parametrize("name", TABLEAUS)
@pytest.mark.parametrize("z", [-0.5, -30.0, -1e5, 2j, -3 + 4j])
def test_step_of_the_test_equation_multiplies_by_the_stability_function(name: str, z: complex) -> None:
    y0 = torch.tensor([1 + 2j], dtype=torch.complex128)
    h = 0.25
    states = odeint(lambda t, y: (z / h) * y, y0, times(1, 1 + h), method=name)
    assert isinstance(states, Tensor)
    assert abs(complex(states[-1] / y0) - TABLEAUS[name].stability(z)) < 1e-10


@pytest.mark.parametrize("name", TABLEAUS)
def test_linear_problem_needs_one_iteration(name: str) -> None:
    """One evaluation with the Jacobian, and two for each implicit stage: the first shows the error, the second none."""
    tableau = TABLEAUS[name]
    implicit = sum(block.stop - block.start for block in tableau.blocks if not tableau.is_explicit(block))
    matrix = torch.tensor([[-1.0, 50.0], [-50.0, -200.0]], dtype=torch.float64)
    with torch.no_grad():
        solution = solve(lambda t, y: matrix @ y, times(1, 2), torch.linspace(0, 1, 9).double(), method=name)
    blocks = sum(not tableau.is_explicit(block) for block in tableau.blocks)
    assert solution.statistics.nfe == 8 * (1 + 2 * implicit)
    assert solution.statistics.host_syncs == 2 + 8 * 2 * blocks


def rigid_body(t: Tensor, y: Tensor) -> Tensor:
    """Euler's equations of a free rigid body: two independent quadratic forms are invariants."""
    first, second, third = y.unbind(-1)
    return torch.stack([2 * second * third, -1.5 * third * first, -0.5 * first * second], dim=-1)


@pytest.mark.parametrize("name", TABLEAUS)
def test_gauss_methods_alone_conserve_quadratic_invariants(name: str) -> None:
    """Cooper (1987): a method conserves all quadratic invariants if ``b_i a_ij + b_j a_ji = b_i b_j``."""
    start = torch.tensor([1.0, 0.8, -0.6], dtype=torch.float64)
    # y1^2 + y2^2 + y3^2 and y1^2 + 2 y2^2 - 2 y3^2: their derivatives vanish, as 2 - 1.5 - 0.5 and 2 - 3 + 1 do.
    weights = torch.tensor([[1.0, 1.0, 1.0], [1.0, 2.0, -2.0]], dtype=torch.float64)
    with torch.no_grad():
        states = odeint(rigid_body, start, torch.linspace(0, 20, 101).double(), method=name)
    assert isinstance(states, Tensor)
    drift = (states.square() @ weights.t() - start.square() @ weights.t()).abs().max()
    if name in GAUSS:
        assert drift < 1e-12
    else:
        assert drift > 1e-5


@pytest.mark.parametrize("name", TABLEAUS)
def test_dense_output_between_steps_is_of_third_order_or_the_method_s(name: str) -> None:
    order = min(TABLEAUS[name].order, 3)
    sizes = [0.05 * 0.8**i for i in range(6)]
    errors = []
    for size in sizes:
        inside = odeint_dense(toda, toda_start(), *times(0, size), method=name)(0.4 * size)
        assert isinstance(inside, Tensor)
        errors.append(float((inside - toda_reference(0.4 * size)).abs().max()))
    assert slope(sizes, errors, 1e-12, 1) == pytest.approx(order + 1, abs=0.15)


def test_dense_output_joins_value_and_slope_at_both_ends() -> None:
    field = CountedField(toda)
    h = 0.3
    interpolant = odeint_dense(field, toda_start(), *times(0, h), method="gl6")
    assert field.nfe > 0
    states = odeint(toda, toda_start(), times(0, h), method="gl6")
    assert isinstance(states, Tensor)
    for time, state in ((0.0, states[0]), (h, states[1])):
        at = interpolant(time)
        assert isinstance(at, Tensor)
        torch.testing.assert_close(at, state, rtol=0, atol=1e-14)
        clock = torch.tensor(time, dtype=torch.float64, requires_grad=True)
        derivative = torch.autograd.functional.jacobian(interpolant.steps[0].interpolate, clock)
        torch.testing.assert_close(derivative, toda(clock, state), rtol=0, atol=1e-12)


def test_tableau_of_one_s_own_is_a_method() -> None:
    """Crouzeix's two-stage method of order three (Hairer, Norsett and Wanner I, table II.7.2)."""
    gamma = (3 + 3**0.5) / 6
    tableau = ImplicitTableau(a=((gamma, 0), (1 - 2 * gamma, gamma)), b=(0.5, 0.5), order=3, source="Crouzeix (1975)")
    z = -2 + 1j
    states = odeint(
        lambda t, y: z * y, torch.ones(1, dtype=torch.complex128), times(0, 1), method=ImplicitMethod("mine", tableau)
    )
    assert isinstance(states, Tensor)
    assert abs(complex(states[-1]) - tableau.stability(z)) < 1e-13
    assert abs(tableau.stability(0.01) - cmath.exp(0.01)) < 1e-7


def test_stiffly_accurate_tableau_whose_last_stage_is_explicit_ends_there_too() -> None:
    tableau = ImplicitTableau(a=((0.5, 0), (1, 0)), b=(1, 0), order=2, source="implicit midpoint, and its end")
    states = [
        odeint(toda, toda_start(), times(0, 0.3), method=method)
        for method in ("implicit_midpoint", ImplicitMethod("mine", tableau))
    ]
    torch.testing.assert_close(states[1], states[0], rtol=0, atol=1e-15)
