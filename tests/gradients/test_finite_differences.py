"""Gradients against differences of a loss that scipy computes: state, parameters and times, forwards and backwards."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from suite.gradients import odeint_adjoint
from suite.solvers import METHODS, odeint
from tests.gradients.problems import gradients, relative_errors, true_gradients

# Methods of low order would need a hundred thousand steps for 1e-10; these tolerances give them the same accuracy.
TOLERANCES = {"adaptive_heun": 1e-7, "fehlberg2": 1e-9, "bosh3": 1e-9}
ADAPTIVE = [name for name, method in METHODS.items() if method.adaptive]
VARIANTS = ("default", "seminorm", "quadrature", "segments")


def worst_error(solver: Any, direction: int, method: str, tolerance: float, **arguments: Any) -> float:
    def solve(field: nn.Module, y0: Tensor, t: Tensor) -> Tensor:
        states: Tensor = solver(field, y0, t, method=method, rtol=tolerance, atol=tolerance, **arguments)
        return states

    return max(relative_errors(gradients(solve, direction), true_gradients(direction)).values())


@pytest.mark.parametrize("method", [name for name in ADAPTIVE if METHODS[name].differentiable])
def test_direct_gradient_matches_finite_differences(method: str) -> None:
    assert worst_error(odeint, 1, method, TOLERANCES.get(method, 1e-10)) < 1e-6


@pytest.mark.parametrize("method", ADAPTIVE)
def test_adjoint_gradient_matches_finite_differences(method: str) -> None:
    assert worst_error(odeint_adjoint, 1, method, TOLERANCES.get(method, 1e-10)) < 1e-6


@pytest.mark.parametrize("method", ["dopri5", "tsit5", "dopri8"])
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("direction", [1, -1])
def test_every_variant_matches_finite_differences_forwards_and_backwards_in_time(
    method: str, variant: str, direction: int
) -> None:
    options = {"variant": variant}
    assert worst_error(odeint_adjoint, direction, method, 1e-10, adjoint_options=options) < 1e-6


@pytest.mark.parametrize("direction", [1, -1])
def test_direct_gradient_backwards_in_time_matches_finite_differences(direction: int) -> None:
    assert worst_error(odeint, direction, "dopri5", 1e-10) < 1e-6


@pytest.mark.parametrize("solver", [odeint, odeint_adjoint])
@pytest.mark.parametrize("method", ["rk4", "rk4_classic"])
@pytest.mark.parametrize("direction", [1, -1])
def test_gradient_at_small_fixed_steps_matches_finite_differences(solver: Any, method: str, direction: int) -> None:
    options = {"step_size": 0.01, "interp": "cubic"}
    assert worst_error(solver, direction, method, 0.0, options=options) < 1e-6


@pytest.mark.parametrize("variant", VARIANTS)
def test_error_of_the_adjoint_gradient_falls_with_the_tolerance(variant: str) -> None:
    loose, tight = (
        worst_error(odeint_adjoint, 1, "dopri5", tolerance, adjoint_options={"variant": variant})
        for tolerance in (1e-4, 1e-8)
    )
    assert tight < 1e-3 * loose
    assert loose < 1e-2


@pytest.mark.parametrize("variant", VARIANTS)
def test_tolerances_of_the_reverse_solve_are_its_own(variant: str) -> None:
    arguments = {"adjoint_options": {"variant": variant}}
    both_loose = worst_error(odeint_adjoint, 1, "dopri5", 1e-4, **arguments)
    both_tight = worst_error(odeint_adjoint, 1, "dopri5", 1e-9, **arguments)
    loose_back = worst_error(odeint_adjoint, 1, "dopri5", 1e-9, **arguments, adjoint_rtol=1e-4, adjoint_atol=1e-4)
    assert both_tight < 1e-2 * loose_back < both_loose


def test_complex_linear_system_has_the_gradients_of_the_matrix_exponential() -> None:
    """``L = sum w_j |z_j(t_i) - 1|^2`` of ``z' = (A + i w) z`` with a complex matrix and real frequencies."""
    generator = torch.Generator().manual_seed(5)

    class Rotation(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Parameter(torch.randn(2, 2, dtype=torch.complex128, generator=generator) / 2)
            self.w = nn.Parameter(torch.tensor([1.5, -0.7], dtype=torch.float64))

        def forward(self, t: Tensor, z: Tensor) -> Tensor:
            return self.a @ z + 1j * self.w * z

    field = Rotation()
    y0 = torch.randn(2, dtype=torch.complex128, generator=generator).requires_grad_()
    t = torch.tensor([0.0, 0.4, 1.0], dtype=torch.float64, requires_grad=True)
    inputs = (y0, t, field.a, field.w)

    def differentiate(states: Tensor) -> tuple[Tensor, ...]:
        return torch.autograd.grad(((states - 1).abs().square() @ torch.tensor([1.0, -2.0]).double()).sum(), inputs)

    generator_matrix = field.a + 1j * torch.diag(field.w)
    truth = differentiate(torch.stack([torch.matrix_exp(generator_matrix * (time - t[0])) @ y0 for time in t]))
    assert truth[-1].max() < 0
    for variant in VARIANTS:
        options = {"variant": variant}
        found = odeint_adjoint(field, y0, t, rtol=1e-10, atol=1e-10, adjoint_options=options)
        assert isinstance(found, Tensor)
        for ours, exact in zip(differentiate(found), truth, strict=True):
            torch.testing.assert_close(ours, exact, rtol=1e-7, atol=1e-7)
    direct = odeint(field, y0, t, rtol=1e-10, atol=1e-10)
    assert isinstance(direct, Tensor)
    for ours, exact in zip(differentiate(direct), truth, strict=True):
        torch.testing.assert_close(ours, exact, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("variant", VARIANTS)
def test_tuple_state_has_the_gradients_of_its_closed_form(variant: str) -> None:
    """``y' = -k y, area' = y``: ``y = y0 exp(-k t)`` and ``area = area0 + y0 (1 - exp(-k t)) / k``."""

    class Decay(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.k = nn.Parameter(torch.tensor(0.7, dtype=torch.float64))

        def forward(self, t: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
            y, _ = state
            return -self.k * y, y.sum()

    field = Decay()
    y0 = torch.tensor([[1.0], [2.0]], dtype=torch.float64, requires_grad=True)
    area0 = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    t = torch.tensor([0.0, 0.5, 2.0], dtype=torch.float64, requires_grad=True)
    inputs = (y0, area0, t, field.k)

    def differentiate(y: Tensor, area: Tensor) -> tuple[Tensor, ...]:
        return torch.autograd.grad((y**3).sum() + (area**2).sum(), inputs)

    decay = torch.exp(-field.k * (t - t[0]))
    truth = differentiate(decay[:, None, None] * y0, area0 + y0.sum() * (1 - decay) / field.k)
    y, area = odeint_adjoint(field, (y0, area0), t, rtol=1e-10, atol=1e-10, adjoint_options={"variant": variant})
    assert (y.shape, area.shape) == ((3, 2, 1), (3,))
    for ours, exact in zip(differentiate(y, area), truth, strict=True):
        torch.testing.assert_close(ours, exact, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("solver", [odeint, odeint_adjoint])
@pytest.mark.parametrize("direction", [1, -1])
def test_gradient_of_the_last_time_is_the_field_there_whichever_way_time_runs(solver: Any, direction: int) -> None:
    """``y' = y``: ``dy(t1)/dt1 = y(t1)`` and ``dy(t1)/dt0 = -y(t1)``, both of ``y0 exp(t1 - t0)``."""
    t = torch.tensor([0.0, 1.0 * direction], dtype=torch.float64, requires_grad=True)
    y0 = torch.ones(1, dtype=torch.float64, requires_grad=True)
    states = solver(lambda t, y: y, y0, t, **({"adjoint_params": ()} if solver is odeint_adjoint else {}))
    (gradient,) = torch.autograd.grad(states[-1].sum(), t)
    end = torch.exp(t.detach()[1])
    torch.testing.assert_close(gradient, torch.stack([-end, end]), rtol=1e-5, atol=0)
