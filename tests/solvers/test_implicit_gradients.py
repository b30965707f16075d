"""Gradients through implicit steps are those of the exact solution of their stage equations, to second order."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from suite.gradients import odeint_adjoint
from suite.solvers import CountedField, odeint, solve
from tests.solvers.implicit import TABLEAUS
from tests.solvers.problems import times

MATRIX = torch.randn(2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def solution(y0: Tensor, t: Tensor, a: Tensor, **arguments: Any) -> Tensor:
    states = odeint(lambda time, y: torch.tanh(a @ y) + torch.cos(2 * time) * y / 2, y0, t, **arguments)
    assert isinstance(states, Tensor)
    return states


def inputs(*at: float) -> tuple[Tensor, Tensor, Tensor]:
    y0 = torch.tensor([0.8, -0.5], dtype=torch.float64)
    return y0.requires_grad_(), times(*at).requires_grad_(), MATRIX.clone().requires_grad_()


@pytest.mark.parametrize("name", TABLEAUS)
def test_first_and_second_derivatives_with_respect_to_state_times_and_parameters(name: str) -> None:
    def function(*x: Tensor) -> Tensor:
        return solution(*x, method=name)

    assert torch.autograd.gradcheck(function, inputs(0, 0.4, 0.7), atol=1e-8, rtol=1e-6)
    assert torch.autograd.gradgradcheck(function, inputs(0, 0.4, 0.7))


@pytest.mark.parametrize("name", ["trapezoid", "sdirk2", "radauIIA3"])
@pytest.mark.parametrize("direction", [1, -1])
def test_outputs_between_grid_points_differentiate_too(name: str, direction: int) -> None:
    options = {"step_size": 0.25, "interp": "cubic"}
    points = inputs(0, 0.3 * direction, 0.6 * direction)
    assert torch.autograd.gradcheck(lambda *x: solution(*x, method=name, options=options), points, atol=1e-8, rtol=1e-6)


@pytest.mark.parametrize("name", ["trbdf2", "gl4"])
def test_systems_solved_by_gmres_have_the_derivatives_of_factorised_ones(name: str) -> None:
    found = []
    for limit in (0, 100):
        points = inputs(0, 0.4, 0.7)
        states = solution(*points, method=name, options={"dense_limit": limit})
        first = torch.autograd.grad(states.square().sum(), points, create_graph=True)
        second = torch.autograd.grad(torch.stack([x.square().sum() for x in first]).sum(), points)
        found.append([states, *first, *second])
    for krylov, dense in zip(*found, strict=True):
        torch.testing.assert_close(krylov, dense, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", TABLEAUS)
def test_gradient_of_a_stiff_linear_step_is_that_of_the_stability_function(name: str) -> None:
    """``y1 = R(h rate) y0``: differences of R, taken in numpy alone, give the gradients to the rate and to the end."""
    tableau = TABLEAUS[name]
    rate, t = torch.tensor(-40.0, dtype=torch.float64, requires_grad=True), times(0, 0.5).requires_grad_()
    states = odeint(lambda time, y: rate * y, times(1), t, method=name)
    assert isinstance(states, Tensor)
    by_rate, by_time = torch.autograd.grad(states[-1].sum(), (rate, t))
    slope = (tableau.stability(-20 + 1e-4) - tableau.stability(-20 - 1e-4)).real / 2e-4
    assert float(by_rate) == pytest.approx(0.5 * slope, rel=1e-6)
    assert by_time.tolist() == pytest.approx([40 * slope, -40 * slope], rel=1e-6)


@pytest.mark.parametrize("tolerance", [1e-2, 1e-6])
def test_gradients_are_exact_for_stages_solved_to_few_digits(tolerance: float) -> None:
    """The two corrections polish the stages too, so the states are nearly exact as well."""
    loose, exact = (solution(*inputs(0, 0.2, 0.4), method="gl4", options={"tolerance": x}) for x in (tolerance, None))
    torch.testing.assert_close(loose, exact, rtol=0, atol=tolerance**2)


@pytest.mark.parametrize("name", TABLEAUS)
def test_a_solve_without_gradients_has_the_same_states_and_pays_for_none(name: str) -> None:
    tableau, points = TABLEAUS[name], inputs(0, 0.4, 0.7)
    explicit = sum(tableau.is_explicit(block) for block in tableau.blocks)
    field = CountedField(lambda t, y: torch.tanh(MATRIX @ y))
    with torch.no_grad():
        plain = solve(field, points[0], times(0, 0.4, 0.7), method=name).statistics
    tracked = solve(field, points[0], times(0, 0.4, 0.7), method=name).statistics
    without = solve(field, points[0].detach(), times(0, 0.4, 0.7), method=name)
    # Where gradients are followed: a Jacobian at the solved stages, and two corrections.
    assert tracked.nfe - plain.nfe == 2 * (3 * (tableau.stages - explicit) + explicit)
    assert without.statistics.nfe - plain.nfe == 2 * explicit
    assert isinstance(without.states, Tensor)
    assert not without.states.requires_grad
    with torch.no_grad():
        states = solution(*points, method=name)
    torch.testing.assert_close(states, solution(*points, method=name).detach(), rtol=0, atol=1e-14)


def test_adjoint_of_an_implicit_forward_solve_takes_an_explicit_reverse_method() -> None:
    class Relaxation(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rate = nn.Parameter(times(3.0))

        def forward(self, t: Tensor, y: Tensor) -> Tensor:
            return -self.rate * torch.sin(y)

    field, t, y0 = Relaxation(), torch.linspace(0, 1, 41).double(), times(0.7)
    states = odeint_adjoint(
        field,
        y0,
        t,
        method="radauIIA5",
        options={},
        adjoint_method="dopri5",
        adjoint_options={},
        rtol=1e-10,
        atol=1e-12,
    )
    assert isinstance(states, Tensor)
    direct = odeint(field, y0, t, method="radauIIA5")
    assert isinstance(direct, Tensor)
    (continuous,) = torch.autograd.grad(states[-1].sum(), field.rate)
    (discrete,) = torch.autograd.grad(direct[-1].sum(), field.rate)
    torch.testing.assert_close(continuous, discrete, rtol=1e-7, atol=0)
