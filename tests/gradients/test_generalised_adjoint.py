"""Losses with an integral along the path, and parameters that vary with depth, against closed forms and differences."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from suite.gradients import Adjoint, Checkpointed, InterpolatedAdjoint, Reversible, solve_with_integral
from suite.solvers import Differentiation, InvalidProblemError, solve

TIGHT: dict[str, Any] = {"rtol": 1e-10, "atol": 1e-10}
FINE: dict[str, Any] = {"method": "reversible_heun", "options": {"step_size": 5e-4, "interp": "cubic"}}
WAYS = [
    pytest.param(None, TIGHT, 1e-6, id="direct"),
    pytest.param(Adjoint(), TIGHT, 1e-6, id="adjoint"),
    pytest.param(Adjoint(variant="quadrature"), TIGHT, 1e-6, id="quadrature"),
    pytest.param(Checkpointed(), TIGHT, 1e-6, id="checkpointed"),
    pytest.param(InterpolatedAdjoint(), TIGHT, 1e-6, id="interpolated"),
    pytest.param(Reversible(), FINE, 1e-5, id="reversible"),
]


class Decay(nn.Module):
    """``dy/dt = -k y``."""

    def __init__(self) -> None:
        super().__init__()
        self.k = nn.Parameter(torch.tensor(0.7, dtype=torch.float64))

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        return -self.k * y


class Energy(nn.Module):
    """``w |y|^2 + |f|^2``: it depends on the field's parameters and on one of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor(1.3, dtype=torch.float64))

    def forward(self, t: Tensor, y: Tensor, f: Tensor) -> Tensor:
        return self.w * y.square().sum() + f.square().sum()


@pytest.mark.parametrize(("gradient", "arguments", "error"), WAYS)
def test_integral_loss_has_the_gradients_of_its_closed_form(
    gradient: Differentiation | None, arguments: dict[str, Any], error: float
) -> None:
    """``L = sum y(T)^3 + int w |y|^2 + |f|^2 dt`` by state, parameters of field and loss, and both bounds."""
    field, energy = Decay(), Energy()
    y0 = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    t = torch.tensor([0.2, 0.9, 1.5], dtype=torch.float64, requires_grad=True)
    inputs = (y0, t, field.k, energy.w)
    solution, integral = solve_with_integral(field, energy, y0, t, gradient=gradient, **arguments)
    assert isinstance(solution.states, Tensor)
    assert (solution.states.shape, integral.shape) == ((3, 2), (3,))
    passed = t - t[0]
    ends = y0 * torch.exp(-field.k * passed[:, None])
    exact = (energy.w + field.k**2) * y0.square().sum() * (1 - torch.exp(-2 * field.k * passed)) / (2 * field.k)
    found = torch.autograd.grad((solution.states[-1] ** 3).sum() + integral[-1] + integral[1] ** 2, inputs)
    truth = torch.autograd.grad((ends[-1] ** 3).sum() + exact[-1] + exact[1] ** 2, inputs)
    torch.testing.assert_close(integral, exact, rtol=error, atol=error)
    torch.testing.assert_close(found, truth, rtol=error, atol=error)


def test_gradient_by_the_last_time_is_adjoint_times_field_plus_running_loss() -> None:
    """``dL/dT = a(T) f + l`` with ``a = dL/dy(T)`` (Massaroli et al. 2020, on the depth of integration)."""
    field, energy = Decay(), Energy()
    y0 = torch.tensor([1.0, 2.0], dtype=torch.float64)
    t = torch.tensor([0.0, 1.1], dtype=torch.float64, requires_grad=True)
    solution, integral = solve_with_integral(field, energy, y0, t, gradient=Adjoint(), **TIGHT)
    end = torch.as_tensor(solution.states)[-1]
    (found,) = torch.autograd.grad(torch.sin(end).sum() + integral[-1], t)
    with torch.no_grad():
        slope = field(t[1], end)
        expected = torch.cos(end) @ slope + energy(t[1], end, slope)
    torch.testing.assert_close(found[1], expected, rtol=1e-8, atol=0)


class Galerkin(nn.Module):
    """``dy/dt = theta(t) y`` with ``theta(t) = sum_j alpha_j cos(2 pi j t)``: parameters that vary with depth."""

    def __init__(self) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.tensor([-0.4, 0.9, 0.5], dtype=torch.float64))

    def theta(self, t: Tensor) -> Tensor:
        return self.alpha @ torch.cos(2 * math.pi * torch.arange(3, dtype=t.dtype) * t)

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        return self.theta(t) * y

    def solution(self, y0: Tensor, t: float) -> Tensor:
        j = torch.arange(1, 3, dtype=torch.float64)
        integrals = torch.cat(
            [torch.tensor([t], dtype=torch.float64), torch.sin(2 * math.pi * j * t) / (2 * math.pi * j)]
        )
        return y0 * torch.exp(self.alpha @ integrals)


class Stacked(nn.Module):
    """``dy/dt = theta_i y`` on the i-th of three pieces."""

    def __init__(self) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.tensor([-0.4, 0.9, 0.5], dtype=torch.float64))

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        return self.theta[min(int(3 * t), 2)] * y


@pytest.mark.parametrize(("gradient", "arguments", "error"), WAYS)
def test_coefficients_of_parameters_on_a_basis_have_the_gradient_of_the_closed_form(
    gradient: Differentiation | None, arguments: dict[str, Any], error: float
) -> None:
    field, y0 = Galerkin(), torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
    states = solve(field, y0, torch.tensor([0.0, 0.85]).double(), gradient=gradient, **arguments).states
    found = torch.autograd.grad(torch.as_tensor(states)[-1].square().sum(), (y0, field.alpha))
    exact = field.solution(y0, float(torch.tensor(0.85)))
    torch.testing.assert_close(found, torch.autograd.grad(exact.square().sum(), (y0, field.alpha)), rtol=error, atol=0)


@pytest.mark.parametrize("gradient", [None, Adjoint(), Checkpointed(), InterpolatedAdjoint()], ids=repr)
def test_piecewise_parameters_have_the_gradients_of_their_own_pieces(gradient: Differentiation | None) -> None:
    """``y(1) = y0 exp(sum_i theta_i / 3)``: each gradient is ``y(1) / 3``, and only from its own piece."""
    field, y0 = Stacked(), torch.tensor([1.0], dtype=torch.float64)
    t = torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64)
    arguments = {**TIGHT, "options": {"jump_t": [1 / 3, 2 / 3]}}
    states = torch.as_tensor(solve(field, y0, t, gradient=gradient, **arguments).states)
    (last,) = torch.autograd.grad(states[-1].sum(), field.theta, retain_graph=True)
    (middle,) = torch.autograd.grad(states[1].sum(), field.theta)
    torch.testing.assert_close(last, states[-1].detach().expand(3) / 3, rtol=1e-6, atol=0)
    torch.testing.assert_close(
        middle, states[1].detach() * torch.tensor([2.0, 1.0, 0.0]).double() / 6, rtol=1e-6, atol=1e-12
    )


@pytest.mark.parametrize("gradient", [None, Adjoint()], ids=repr)
def test_tracking_loss_of_a_batch_has_the_gradient_of_finite_differences(gradient: Differentiation | None) -> None:
    """``l(t, y) = |beta(t) - y|^2`` of every sample: a control loss without a loss at the end."""

    def total(field: Galerkin, y0: Tensor) -> Tensor:
        def tracking(t: Tensor, y: Tensor, f: Tensor) -> Tensor:
            beta = torch.stack([torch.cos(2 * math.pi * t), torch.sin(2 * math.pi * t)])
            return (beta - y).square().sum(-1)

        t = torch.tensor([0.0, 1.0], dtype=torch.float64)
        _, integral = solve_with_integral(field, tracking, y0, t, gradient=gradient, **TIGHT)
        assert integral.shape == (2, 4)
        return integral[-1].mean()

    field, y0 = Galerkin(), torch.randn(4, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    (found,) = torch.autograd.grad(total(field, y0), field.alpha)
    for index in range(3):
        values = []
        for offset in (-1e-4, 1e-4):
            moved = Galerkin()
            with torch.no_grad():
                moved.alpha[index] += offset
                values.append(total(moved, y0).item())
        assert found[index].item() == pytest.approx((values[1] - values[0]) / 2e-4, rel=1e-6)


@pytest.mark.parametrize("gradient", [None, Adjoint(), Checkpointed()], ids=repr)
def test_integral_along_a_complex_tuple_backwards_in_time(gradient: Differentiation | None) -> None:
    """``z' = i z`` and ``c' = 0``: ``int |z|^2 + Re c dt`` from 1 to 0 is minus that of a constant."""
    z0 = torch.tensor([0.6 + 0.8j], dtype=torch.complex128, requires_grad=True)
    c0 = torch.tensor([[2.0 + 1j]], dtype=torch.complex128, requires_grad=True)

    class Turn(nn.Module):
        def forward(self, t: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
            return 1j * state[0], torch.zeros_like(state[1])

    def running(t: Tensor, state: tuple[Tensor, Tensor], f: tuple[Tensor, Tensor]) -> Tensor:
        return state[0].abs().square().sum() + state[1].real.sum()

    t = torch.tensor([1.0, 0.0], dtype=torch.float64)
    solution, integral = solve_with_integral(Turn(), running, (z0, c0), t, gradient=gradient, **TIGHT)
    z, c = solution.states
    assert (z.shape, c.shape, integral.dtype) == ((2, 1), (2, 1, 1), torch.float64)
    assert integral[-1].item() == pytest.approx(-3, abs=1e-8)
    found = torch.autograd.grad(integral[-1], (z0, c0))
    truth = (-2 * z0.detach(), torch.full_like(c0, -1))
    torch.testing.assert_close(found, truth, rtol=1e-7, atol=1e-7)


def test_a_field_whose_parameters_are_unknown_is_refused_also_with_an_integral() -> None:
    with pytest.raises(InvalidProblemError, match="unknown"):
        solve_with_integral(
            Decay().forward,
            Energy(),
            torch.ones(2).double(),
            torch.tensor([0.0, 1.0]).double(),
            gradient=Checkpointed(),
        )


@pytest.mark.parametrize(("running", "found"), [(lambda t, y, f: 1.0, "a float"), (lambda t, y, f: 1j * y, "complex")])
def test_a_running_loss_that_is_no_real_tensor_is_refused(running: Any, found: str) -> None:
    with pytest.raises(InvalidProblemError, match=found):
        solve_with_integral(Decay(), running, torch.ones(2).double(), torch.tensor([0.0, 1.0]).double())
