"""Checkpointed gradients are those of autograd through the steps, whatever is stored."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from suite.gradients import Checkpointed
from suite.gradients.binomial import reverse
from suite.harness.meters import saved_bytes
from suite.solvers import Differentiation, InvalidProblemError, Solution, solve
from tests.gradients.problems import Gradients, Swirl, gradients, loss, relative_errors, start, true_gradients

WAYS = (Checkpointed(), Checkpointed(every=1), Checkpointed(every=3), Checkpointed(budget=2), Checkpointed(budget=99))
CALLS: dict[str, dict[str, Any]] = {
    "dopri5": {"method": "dopri5", "rtol": 1e-6, "atol": 1e-6},
    "bosh3": {"method": "bosh3", "rtol": 1e-5, "atol": 1e-5},
    "dopri8": {"method": "dopri8", "rtol": 1e-9, "atol": 1e-9},
    "stops": {"method": "tsit5", "options": {"step_t": [0.37, -0.37], "first_step": 0.1}},
    "outputs": {"method": "rk4"},
    "linear": {"method": "rk4", "options": {"step_size": 0.07}},
    "cubic": {"method": "heun3", "options": {"step_size": 0.1, "interp": "cubic"}},
    "fixed": {"method": "dopri5", "options": {"adaptive": False, "step_size": 0.1, "interp": "cubic"}},
}


def gradients_by(gradient: Differentiation | None, direction: int, **arguments: Any) -> tuple[Gradients, Solution]:
    solutions = []

    def states(field: nn.Module, y0: Tensor, t: Tensor) -> Tensor:
        solution = solve(field, y0, t, gradient=gradient, **arguments)
        solutions.append(solution)
        assert isinstance(solution.states, Tensor)
        return solution.states

    return gradients(states, direction), solutions[0]


@cache
def direct_gradients(call: str, direction: int) -> tuple[Gradients, Solution]:
    return gradients_by(None, direction, **CALLS[call])


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("direction", [1, -1])
def test_gradient_equals_that_of_direct_mode_to_rounding(way: Checkpointed, call: str, direction: int) -> None:
    found, solution = gradients_by(way, direction, **CALLS[call])
    truth, direct = direct_gradients(call, direction)
    assert max(relative_errors(found, truth).values()) < 1e-12
    assert (solution.statistics.nfe, solution.statistics.accepted) == (
        direct.statistics.nfe,
        direct.statistics.accepted,
    )
    torch.testing.assert_close(solution.states, direct.states, rtol=1e-12, atol=1e-12)


def test_gradient_matches_finite_differences() -> None:
    found, _ = gradients_by(Checkpointed(), 1, rtol=1e-10, atol=1e-10)
    assert max(relative_errors(found, true_gradients()).values()) < 1e-6


class Switch(nn.Module):
    """``dy/dt = rate y sign(t - 1/2)``, a field that jumps."""

    def __init__(self) -> None:
        super().__init__()
        self.rate = nn.Parameter(torch.tensor(0.8, dtype=torch.float64))

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        return self.rate * y * (1 if t >= 0.5 else -1)


@pytest.mark.parametrize("method", ["dopri5", "bosh3", "dopri8"])
@pytest.mark.parametrize("way", [Checkpointed(), Checkpointed(every=2)], ids=str)
def test_gradient_through_a_jump_of_the_field_is_that_of_the_closed_form(way: Checkpointed, method: str) -> None:
    """``y(t) = y0 exp(rate (t - 1))`` for every time after the jump."""
    field, y0 = Switch(), torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    t = torch.tensor([0.0, 0.7, 1.4], dtype=torch.float64)
    solution = solve(field, y0, t, method=method, rtol=1e-9, atol=1e-9, options={"jump_t": [0.5]}, gradient=way)
    assert isinstance(solution.states, Tensor)
    found = torch.autograd.grad(solution.states[1:].sum(), (y0, field.rate))
    truth = torch.autograd.grad((y0 * torch.exp(field.rate * (t[1:] - 1))).sum(), (y0, field.rate))
    torch.testing.assert_close(found, truth, rtol=1e-6, atol=0)


def test_complex_and_tuple_states_have_the_gradients_of_direct_mode() -> None:
    rate = torch.tensor(0.3 + 1.1j, dtype=torch.complex128, requires_grad=True)
    scale = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    z0 = torch.tensor([1 + 2j, 0.5 - 1j], dtype=torch.complex128, requires_grad=True)
    area0 = torch.zeros(2, 1, dtype=torch.complex128, requires_grad=True)

    def field(t: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        z, _ = state
        return rate * z * z.conj() / 4 - z, scale * z[:, None] * torch.cos(t)

    def differentiate(gradient: Differentiation | None) -> tuple[Tensor, ...]:
        t = torch.tensor([1.0, 0.4, 0.0], dtype=torch.float64)
        z, area = solve(field, (z0, area0), t, rtol=1e-6, atol=1e-6, gradient=gradient).states
        return torch.autograd.grad(z.abs().square().sum() + area[1].real.sum(), (z0, area0, rate, scale))

    found, truth = differentiate(Checkpointed(parameters=(rate, scale))), differentiate(None)
    torch.testing.assert_close(found, truth, rtol=1e-12, atol=1e-13)


@cache
def fewest_steps(steps: int, checkpoints: int) -> int:
    """The fewest forward steps to reverse so many: the recursion that the binomial schedule solves."""
    if steps == 1:
        return 0
    if checkpoints == 1:
        return steps * (steps - 1) // 2
    return min(
        middle + fewest_steps(steps - middle, checkpoints - 1) + fewest_steps(middle, checkpoints)
        for middle in range(1, steps)
    )


@pytest.mark.parametrize("checkpoints", [1, 2, 3, 5, 8])
def test_schedule_takes_the_fewest_steps_that_its_checkpoints_allow(checkpoints: int) -> None:
    for steps in [*range(1, 30), 57, 84]:
        taken, stored = [0], [0, 0]
        order: list[int] = []

        class Stored:
            """A state that counts how many of its kind are alive."""

            def __init__(self, index: int, counts: list[int] = stored) -> None:
                self.index, self.counts = index, counts
                counts[0] += 1
                counts[1] = max(counts[1], counts[0])

            def __del__(self) -> None:
                self.counts[0] -= 1

        def advance(first: int, last: int, state: Stored, taken: list[int] = taken, kind: type = Stored) -> Any:
            assert state.index == first
            taken[0] += last - first
            return kind(last)

        def pull_back(first: int, last: int, state: Stored, adjoint: int, order: list[int] = order) -> int:
            assert (state.index, last, adjoint) == (first, first + 1, last)
            order.append(first)
            return first

        assert reverse(advance, pull_back, (0, steps), Stored(0), checkpoints, steps) == 0
        assert order == list(reversed(range(steps)))
        assert taken[0] == fewest_steps(steps, checkpoints)
        # Beside the checkpoints, the state from which a step is taken again.
        assert stored[1] <= checkpoints + 1


def bytes_kept(gradient: Differentiation | None, steps: int) -> float:
    t = torch.tensor([0.0, 1.0], dtype=torch.float64)
    with saved_bytes() as reading:
        solve(Swirl(), start(), t, method="rk4", options={"step_size": 1 / steps}, gradient=gradient)
    return reading.value


def test_bytes_kept_by_default_do_not_grow_with_the_number_of_steps() -> None:
    assert {bytes_kept(Checkpointed(), steps) for steps in (4, 32, 256)} == {8 * (2 + 3)}


@pytest.mark.parametrize("budget", [1, 4, 20])
def test_bytes_kept_are_at_most_those_of_the_budget(budget: int) -> None:
    for steps in (4, 19, 20, 21, 64):
        assert bytes_kept(Checkpointed(budget=budget), steps) <= 8 * (2 + 3 * budget)


def test_bytes_kept_with_a_state_every_n_steps_are_those_of_the_states() -> None:
    assert [bytes_kept(Checkpointed(every=1), steps) for steps in (4, 64)] == [8 * (2 + 3 * 4), 8 * (2 + 3 * 64)]
    assert bytes_kept(Checkpointed(every=8), 64) == 8 * (2 + 3 * 8)


@pytest.mark.parametrize(("method", "stages"), [("dopri5", 6), ("tsit5", 6), ("bosh3", 3), ("rk4", 4)])
def test_backward_pass_evaluates_each_stage_once_where_every_state_is_stored(method: str, stages: int) -> None:
    options = {"step_size": 0.125, "adaptive": False}
    field, y0 = Swirl(), start()
    t = torch.tensor([0.0, 1.0], dtype=torch.float64)
    solution = solve(field, y0, t, method=method, options=options, gradient=Checkpointed(every=1))
    assert isinstance(solution.states, Tensor)
    assert solution.backward.nfe == 0
    loss(solution.states).backward()
    assert (solution.backward.nfe, solution.backward.accepted) == (8 * stages, 8)


@pytest.mark.parametrize(("way", "checkpoints"), [(Checkpointed(), 7), (Checkpointed(budget=3), 3)], ids=str)
def test_steps_taken_again_are_as_few_as_the_checkpoints_allow(way: Checkpointed, checkpoints: int) -> None:
    """By default 64 steps are reversed with seven states: every step once, and the fewest steps on the way to each."""
    t = torch.tensor([0.0, 1.0], dtype=torch.float64)
    solution = solve(Swirl(), start(), t, method="rk4", options={"step_size": 1 / 64}, gradient=way)
    loss(torch.as_tensor(solution.states)).backward()
    assert solution.backward.accepted == 64 + fewest_steps(64, checkpoints)
    assert solution.backward.nfe == 4 * solution.backward.accepted


def test_backward_twice_through_a_kept_graph_gives_the_same_gradients() -> None:
    field, y0 = Swirl(), start()
    states = solve(field, y0, torch.tensor([0.0, 1.0], dtype=torch.float64), gradient=Checkpointed(budget=3)).states
    assert isinstance(states, Tensor)
    total = loss(states)
    first = torch.autograd.grad(total, (y0, field.a), retain_graph=True)
    assert all(torch.equal(x, y) for x, y in zip(first, torch.autograd.grad(total, (y0, field.a)), strict=True))


def test_a_single_output_time_has_the_gradient_of_the_identity() -> None:
    field, y0 = Swirl(), start()
    states = solve(field, y0, torch.tensor([0.0], dtype=torch.float64), gradient=Checkpointed()).states
    assert isinstance(states, Tensor)
    (gradient,) = torch.autograd.grad(states.square().sum(), y0)
    torch.testing.assert_close(gradient, 2 * y0.detach())


@pytest.mark.parametrize(
    ("message", "settings"),
    [
        ("every or budget, not both", {"every": 1, "budget": 2}),
        ("every of Checkpointed is an integer of at least 1", {"every": 0}),
        ("budget of Checkpointed is an integer of at least 1", {"budget": 1.5}),
    ],
)
def test_settings_without_meaning_are_refused(message: str, settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidProblemError, match=message):
        Checkpointed(**settings)


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ("takes an explicit Runge-Kutta method, not 'reversible_heun'", {"method": "reversible_heun"}),
        ("does not differentiate dense output", {"dense": True}),
        ("perturb is for gradient=None", {"method": "rk4", "options": {"perturb": True}}),
    ],
)
def test_what_cannot_be_checkpointed_is_refused_before_work(message: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidProblemError, match=message):
        solve(Swirl(), start(), torch.tensor([0.0, 1.0], dtype=torch.float64), gradient=Checkpointed(), **arguments)


def test_a_field_whose_parameters_are_unknown_is_refused() -> None:
    with pytest.raises(InvalidProblemError, match="give parameters"):
        solve(Swirl().forward, start(), torch.tensor([0.0, 1.0]).double(), gradient=Checkpointed())


def test_gradient_of_times_through_a_grid_of_the_users_is_refused() -> None:
    options = {"grid_constructor": lambda f, y0, t: torch.linspace(0, 1, 5, dtype=torch.float64)}
    t = torch.tensor([0.0, 1.0], dtype=torch.float64, requires_grad=True)
    states = solve(Swirl(), start(), t, method="rk4", options=options, gradient=Checkpointed()).states
    assert isinstance(states, Tensor)
    with pytest.raises(InvalidProblemError, match="grid_constructor"):
        loss(states).backward()
