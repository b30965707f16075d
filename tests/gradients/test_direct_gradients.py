"""Backpropagation through the solver is the derivative of the discretised map, to first and second order."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from suite.solvers import METHODS, odeint

PARAMETERS = torch.randn(2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def solution(y0: Tensor, t: Tensor, a: Tensor, **arguments: Any) -> Tensor:
    states = odeint(lambda time, y: torch.tanh(a @ y) + torch.cos(2 * time) * y / 2, y0, t, **arguments)
    assert isinstance(states, Tensor)
    return states


def inputs(*times: float) -> tuple[Tensor, Tensor, Tensor]:
    y0, t = torch.tensor([0.8, -0.5], dtype=torch.float64), torch.tensor(times, dtype=torch.float64)
    return y0.requires_grad_(), t.requires_grad_(), PARAMETERS.clone().requires_grad_()


def fixed(method: str, **options: Any) -> dict[str, Any]:
    if METHODS[method].adaptive:
        options["adaptive"] = False
    return {"method": method, "options": options}


@pytest.mark.parametrize("method", [name for name, method in METHODS.items() if method.differentiable])
def test_every_method_differentiates_its_own_steps(method: str) -> None:
    arguments = fixed(method)
    assert torch.autograd.gradcheck(lambda *x: solution(*x, **arguments), inputs(0, 0.3, 0.8), atol=1e-8, rtol=1e-6)


@pytest.mark.parametrize("method", ["euler", "rk4", "dopri5"])
@pytest.mark.parametrize("interp", ["linear", "cubic"])
@pytest.mark.parametrize("direction", [1, -1])
def test_outputs_between_grid_points_differentiate_with_respect_to_their_times(
    method: str, interp: str, direction: int
) -> None:
    arguments = fixed(method, step_size=0.25, interp=interp)
    points = inputs(0, 0.3 * direction, 0.4 * direction, 0.9 * direction)
    assert torch.autograd.gradcheck(lambda *x: solution(*x, **arguments), points, atol=1e-8, rtol=1e-6)


def test_output_on_a_grid_point_has_the_slope_of_the_step_that_ends_there() -> None:
    """Moved back in time by any amount, such an output runs along the chord of that step."""
    y0, t, a = inputs(0, 0.5, 1)
    arguments = fixed("rk4", step_size=0.25)
    (gradient,) = torch.autograd.grad(solution(y0, t, a, **arguments)[1].sum(), t)
    moved = torch.tensor([0.0, 0.5 - 1e-4, 1.0], dtype=torch.float64)
    difference = (solution(y0, t, a, **arguments)[1] - solution(y0, moved, a, **arguments)[1]).sum() / 1e-4
    assert gradient[1].item() == pytest.approx(difference.item(), rel=1e-8)


@pytest.mark.parametrize("method", ["euler", "heun3", "rk4", "dopri5"])
def test_second_derivatives_of_fixed_steps(method: str) -> None:
    arguments = fixed(method)
    assert torch.autograd.gradgradcheck(lambda *x: solution(*x, **arguments), inputs(0, 0.4, 0.7))


@pytest.mark.parametrize("method", ["dopri5", "tsit5", "dopri8"])
def test_adaptive_steps_differentiate_to_first_and_second_order(method: str) -> None:
    # So tight that where the differences make the controller choose other steps, they do not see it; and outputs at
    # ends of steps alone, because dense output, of lower order, does see it.
    arguments: dict[str, Any] = {"method": method, "rtol": 1e-11, "atol": 1e-11}
    points = inputs(0, 0.5)
    assert torch.autograd.gradcheck(lambda *x: solution(*x, **arguments), points, atol=1e-5, rtol=1e-4)
    assert torch.autograd.gradgradcheck(lambda *x: solution(*x, **arguments), points, atol=1e-4, rtol=1e-3)


def test_gradients_flow_through_outputs_alone() -> None:
    """The step sizes that the controller chooses are numbers; a solve without gradients gives the same states."""
    y0, t, a = inputs(0, 0.3, 2)
    with torch.no_grad():
        plain = solution(y0, t, a)
    tracked = solution(y0, t, a)
    assert not plain.requires_grad
    # To rounding: where autograd does not follow a solve, the terms of its stage sums are added in another order.
    torch.testing.assert_close(tracked.detach(), plain, rtol=0, atol=2e-13)


def test_a_solve_in_inference_mode_leaves_later_solves_trainable() -> None:
    with torch.inference_mode():
        solution(torch.ones(2, dtype=torch.float64), torch.tensor([0.0, 0.1]), PARAMETERS, method="bosh3")
    y0, t, a = inputs(0, 0.3)
    solution(y0, t, a, method="bosh3").sum().backward()
    assert a.grad is not None


@pytest.mark.parametrize("arguments", [{"method": "dopri5"}, fixed("rk4", step_size=0.05, interp="cubic")])
def test_single_precision_has_the_gradients_of_double_precision(arguments: dict[str, Any]) -> None:
    double = inputs(0, 0.3, 0.8)
    single = tuple(x.detach().float().requires_grad_() for x in double)
    found, truth = (
        torch.autograd.grad(solution(*points, **arguments, rtol=1e-6, atol=1e-6).sum(), points)
        for points in (single, double)
    )
    for ours, exact in zip(found, truth, strict=True):
        assert ours.dtype == torch.float32
        torch.testing.assert_close(ours.double(), exact, rtol=1e-3, atol=1e-3)
