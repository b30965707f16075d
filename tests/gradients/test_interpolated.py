"""The interpolated adjoint: as accurate as the tolerance, also where the state of an adjoint would drift in reverse."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from suite.gradients import InterpolatedAdjoint
from suite.harness.meters import saved_bytes
from suite.solvers import InvalidProblemError, solve
from tests.gradients.problems import Relaxation, Swirl, gradients, loss, relative_errors, start, true_gradients


def worst_error(direction: int, **arguments: Any) -> float:
    def states(field: nn.Module, y0: Tensor, t: Tensor) -> Tensor:
        return torch.as_tensor(solve(field, y0, t, **{"gradient": InterpolatedAdjoint(), **arguments}).states)

    return max(relative_errors(gradients(states, direction), true_gradients(direction)).values())


@pytest.mark.parametrize("method", ["dopri5", "tsit5", "dopri8", "bosh3"])
@pytest.mark.parametrize("direction", [1, -1])
def test_gradient_matches_finite_differences(method: str, direction: int) -> None:
    assert worst_error(direction, method=method, rtol=1e-9, atol=1e-9) < 1e-6


@pytest.mark.parametrize("method", ["dopri5", "bosh3"])
def test_error_of_the_gradient_falls_with_the_tolerance(method: str) -> None:
    loose, tight = (worst_error(1, method=method, rtol=tolerance, atol=tolerance) for tolerance in (1e-4, 1e-8))
    assert tight < 1e-3 * loose
    assert loose < 1e-2


@pytest.mark.parametrize(("method", "order"), [("rk4", 4), ("heun3", 3)])
@pytest.mark.parametrize("direction", [1, -1])
def test_error_at_fixed_steps_falls_with_their_order(method: str, order: int, direction: int) -> None:
    options = [{"step_size": size, "interp": "cubic"} for size in (0.05, 0.025)]
    errors = [worst_error(direction, method=method, options=option) for option in options]
    assert errors[0] / errors[1] == pytest.approx(2**order, rel=0.25)


def test_tolerances_of_the_reverse_solve_are_its_own() -> None:
    tight = worst_error(1, rtol=1e-9, atol=1e-9)
    loose_back = worst_error(1, rtol=1e-9, atol=1e-9, gradient=InterpolatedAdjoint(rtol=1e-4, atol=1e-4))
    assert tight < 1e-2 * loose_back
    assert loose_back < 1e-3


def test_gradient_of_a_contracting_field_does_not_drift() -> None:
    """Reverse reconstruction over this time would grow an error of the state by ``exp(40)``."""
    field = Relaxation()
    y0 = torch.tensor([1.0, -0.5], dtype=torch.float64, requires_grad=True)
    t = torch.tensor([0.0, 0.1, 2.0], dtype=torch.float64)

    def differentiate(tolerance: float, gradient: InterpolatedAdjoint | None) -> tuple[Tensor, ...]:
        states = torch.as_tensor(solve(field, y0, t, rtol=tolerance, atol=tolerance, gradient=gradient).states)
        return torch.autograd.grad(states[1].sum() + states[2].sum(), (y0, field.rate))

    found, truth = differentiate(1e-8, InterpolatedAdjoint()), differentiate(1e-12, None)
    torch.testing.assert_close(found, truth, rtol=1e-5, atol=0)


@pytest.mark.parametrize("method", ["dopri5", "bosh3"])
def test_tuple_state_with_a_jump_has_the_gradients_of_its_closed_form(method: str) -> None:
    """``y' = -k y`` before 1/2 and ``k y`` after it; ``area' = y``."""

    class Turning(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.k = nn.Parameter(torch.tensor(0.7, dtype=torch.float64))

        def forward(self, t: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
            return self.k * state[0] * (1 if t >= 0.5 else -1), state[0].sum()

    field = Turning()
    y0 = torch.tensor([[1.0], [2.0]], dtype=torch.float64, requires_grad=True)
    area0 = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    t = torch.tensor([0.0, 1.2], dtype=torch.float64, requires_grad=True)
    inputs = (y0, area0, field.k, t)

    def differentiate(y: Tensor, area: Tensor) -> tuple[Tensor, ...]:
        return torch.autograd.grad((y**3).sum() + area**2, inputs)

    down, up = torch.exp(-field.k * (0.5 - t[0])), torch.exp(field.k * (t[1] - 0.5))
    truth = differentiate(y0 * down * up, area0 + y0.sum() * ((1 - down) + down * (up - 1)) / field.k)
    solution = solve(
        field,
        (y0, area0),
        t,
        method=method,
        rtol=1e-10,
        atol=1e-10,
        options={"jump_t": [0.5]},
        gradient=InterpolatedAdjoint(),
    )
    y, area = solution.states
    torch.testing.assert_close(differentiate(y[-1], area[-1]), truth, rtol=1e-7, atol=1e-7)


def test_complex_linear_system_has_the_gradients_of_the_matrix_exponential() -> None:
    generator = torch.Generator().manual_seed(5)
    a = (torch.randn(2, 2, dtype=torch.complex128, generator=generator) / 2).requires_grad_()
    w = torch.tensor([1.5, -0.7], dtype=torch.float64, requires_grad=True)
    y0 = torch.randn(2, dtype=torch.complex128, generator=generator).requires_grad_()
    t = torch.tensor([0.0, 0.4, 1.0], dtype=torch.float64)

    def differentiate(states: Tensor) -> tuple[Tensor, ...]:
        total = (states - 1).abs().square() @ torch.tensor([1.0, -2.0]).double()
        return torch.autograd.grad(total.sum(), (y0, a, w))

    exact = torch.stack([torch.matrix_exp((a + 1j * torch.diag(w)) * time) @ y0 for time in t])
    gradient = InterpolatedAdjoint(parameters=(a, w))
    found = solve(lambda t, z: a @ z + 1j * w * z, y0, t, rtol=1e-10, atol=1e-10, gradient=gradient).states
    torch.testing.assert_close(differentiate(torch.as_tensor(found)), differentiate(exact), rtol=1e-7, atol=1e-7)


def test_bytes_kept_are_those_of_one_polynomial_a_step() -> None:
    """Degree 3 for rk4: four states of three entries a step, beside the two times."""
    for steps in (4, 64):
        t = torch.tensor([0.0, 1.0], dtype=torch.float64)
        with saved_bytes() as reading:
            solve(Swirl(), start(), t, method="rk4", options={"step_size": 1 / steps}, gradient=InterpolatedAdjoint())
        assert reading.value == 8 * (2 + 4 * 3 * steps)


def test_statistics_of_the_backward_pass_are_those_of_its_solve() -> None:
    solution = solve(Swirl(), start(), torch.tensor([0.0, 1.0]).double(), gradient=InterpolatedAdjoint())
    assert solution.backward.nfe == 0
    loss(torch.as_tensor(solution.states)).backward()
    # dopri5: six evaluations a step tried, one at the start and one for its first size.
    assert solution.backward.nfe == 6 * (solution.backward.accepted + solution.backward.rejected) + 2


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ("takes an explicit Runge-Kutta method, not 'asynchronous_leapfrog'", {"method": "asynchronous_leapfrog"}),
        ("does not differentiate dense output", {"dense": True}),
        ("rtol of the reverse solve is a finite number", {"rtol": torch.tensor([1e-3, 1e-3, 1e-3])}),
    ],
)
def test_what_cannot_be_interpolated_is_refused_before_work(message: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidProblemError, match=message):
        solve(Swirl(), start(), torch.tensor([0.0, 1.0]).double(), gradient=InterpolatedAdjoint(), **arguments)
