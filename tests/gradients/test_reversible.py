"""Gradients of reversible methods: those of direct mode, with a memory that does not grow with the number of steps."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from suite.gradients import Reversible
from suite.harness.meters import saved_bytes
from suite.solvers import Differentiation, InvalidProblemError, Solution, solve
from tests.gradients.problems import Gradients, Swirl, gradients, loss, relative_errors, start, true_gradients

METHODS = ("reversible_heun", "asynchronous_leapfrog")
GRIDS: dict[str, dict[str, Any]] = {
    "outputs": {},
    "linear": {"step_size": 0.07},
    "cubic": {"step_size": 0.07, "interp": "cubic"},
    "thousand steps": {"step_size": 0.001},
}


def gradients_by(gradient: Differentiation | None, direction: int, **arguments: Any) -> tuple[Gradients, Solution]:
    solutions = []

    def states(field: nn.Module, y0: Tensor, t: Tensor) -> Tensor:
        solution = solve(field, y0, t, gradient=gradient, **arguments)
        solutions.append(solution)
        assert isinstance(solution.states, Tensor)
        return solution.states

    return gradients(states, direction), solutions[0]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("direction", [1, -1])
def test_gradient_equals_that_of_direct_mode_to_rounding(method: str, grid: str, direction: int) -> None:
    found, solution = gradients_by(Reversible(), direction, method=method, options=GRIDS[grid])
    truth, direct = gradients_by(None, direction, method=method, options=GRIDS[grid])
    assert max(relative_errors(found, truth).values()) < 1e-11
    assert torch.equal(torch.as_tensor(solution.states), torch.as_tensor(direct.states))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("direction", [1, -1])
def test_error_of_the_gradient_falls_with_the_square_of_the_step_size(method: str, direction: int) -> None:
    def error(size: float) -> float:
        options = {"step_size": size, "interp": "cubic"}
        found, _ = gradients_by(Reversible(), direction, method=method, options=options)
        # The times among the outputs have the slope of the interpolant, which is of the order below.
        truth = true_gradients(direction)
        return max(relative_errors({name: found[name] for name in ("y0", "a", "b")}, _without_times(truth)).values())

    assert error(0.025) / error(0.0125) == pytest.approx(4, rel=0.1)
    assert error(0.0125) < 1e-3


def _without_times(truth: Gradients) -> Gradients:
    return {name: gradient for name, gradient in truth.items() if name != "t"}


@pytest.mark.parametrize("method", METHODS)
def test_path_of_a_contracting_field_is_rebuilt_to_rounding_and_its_growth(method: str) -> None:
    """Over a time of 2 the field contracts by ``exp(10)``: so much does the rounding grow in reverse."""

    class Decay(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rate = nn.Parameter(torch.tensor(5.0, dtype=torch.float64))

        def forward(self, t: Tensor, y: Tensor) -> Tensor:
            return -self.rate * torch.sin(y)

    def differentiate(gradient: Differentiation | None) -> tuple[Tensor, ...]:
        field, y0 = Decay(), torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
        t = torch.tensor([0.0, 2.0], dtype=torch.float64)
        states = solve(field, y0, t, method=method, options={"step_size": 0.01}, gradient=gradient).states
        return torch.autograd.grad(torch.as_tensor(states)[-1].sum(), (y0, field.rate))

    torch.testing.assert_close(differentiate(Reversible()), differentiate(None), rtol=1e-10, atol=0)


@pytest.mark.parametrize("method", METHODS)
def test_complex_and_tuple_states_have_the_gradients_of_direct_mode(method: str) -> None:
    rate = torch.tensor(0.3 + 1.1j, dtype=torch.complex128, requires_grad=True)
    z0 = torch.tensor([1 + 2j, 0.5 - 1j], dtype=torch.complex128, requires_grad=True)
    area0 = torch.zeros(2, 1, dtype=torch.complex128, requires_grad=True)

    def field(t: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        z, _ = state
        return rate * z * z.conj() / 4 - z, z[:, None] * torch.cos(t)

    def differentiate(gradient: Differentiation | None) -> tuple[Tensor, ...]:
        t = torch.tensor([1.0, 0.4, 0.0], dtype=torch.float64)
        z, area = solve(field, (z0, area0), t, method=method, options={"step_size": 0.05}, gradient=gradient).states
        return torch.autograd.grad(z.abs().square().sum() + area[1].real.sum(), (z0, area0, rate))

    torch.testing.assert_close(differentiate(Reversible(parameters=(rate,))), differentiate(None), rtol=1e-11, atol=0)


@pytest.mark.parametrize(("method", "carried"), [("reversible_heun", 3), ("asynchronous_leapfrog", 2)])
def test_bytes_kept_are_those_of_what_the_method_carries_however_many_steps(method: str, carried: int) -> None:
    def bytes_kept(steps: int) -> float:
        t = torch.tensor([0.0, 1.0], dtype=torch.float64)
        with saved_bytes() as reading:
            solve(Swirl(), start(), t, method=method, options={"step_size": 1 / steps}, gradient=Reversible())
        return reading.value

    assert {bytes_kept(steps) for steps in (1, 16, 256)} == {8 * (2 + 3 * carried)}


@pytest.mark.parametrize("method", METHODS)
def test_backward_pass_evaluates_the_field_twice_a_step_and_once_at_the_start(method: str) -> None:
    t = torch.tensor([0.0, 1.0], dtype=torch.float64)
    solution = solve(Swirl(), start(), t, method=method, options={"step_size": 0.1}, gradient=Reversible())
    loss(torch.as_tensor(solution.states)).backward()
    assert (solution.backward.nfe, solution.backward.accepted) == (21, 10)


def test_a_single_output_time_has_the_gradient_of_the_identity() -> None:
    y0 = start()
    t = torch.tensor([0.0], dtype=torch.float64)
    states = solve(Swirl(), y0, t, method="reversible_heun", gradient=Reversible()).states
    (gradient,) = torch.autograd.grad(torch.as_tensor(states).square().sum(), y0)
    torch.testing.assert_close(gradient, 2 * y0.detach())


@pytest.mark.parametrize("method", ["dopri5", "rk4"])
def test_a_method_that_cannot_be_undone_is_refused(method: str) -> None:
    with pytest.raises(InvalidProblemError, match=f"reversible_heun or asynchronous_leapfrog, not '{method}'"):
        solve(Swirl(), start(), torch.tensor([0.0, 1.0]).double(), method=method, gradient=Reversible())
