"""A solve that cannot go on says why and when, and hands over what it has."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from suite.solvers import IntegrationError, NonFiniteError, StepLimitError, StepUnderflowError, odeint, solve
from tests.solvers.problems import times, toda, toda_start


def test_step_limit_carries_the_outputs_reached_so_far() -> None:
    t = torch.linspace(0, 30, 61, dtype=torch.float64)
    whole = odeint(toda, toda_start(), t)
    assert isinstance(whole, Tensor)
    with pytest.raises(StepLimitError, match=r"max_num_steps = 40 .* reached only t = \d") as caught:
        solve(toda, toda_start(), t, options={"max_num_steps": 40})
    partial = caught.value.solution
    assert partial is not None
    assert isinstance(partial.states, Tensor)
    reached = len(partial.times)
    assert 1 < reached < len(t)
    assert t[reached - 1] <= caught.value.time < t[reached]
    assert torch.equal(partial.times, t[:reached])
    assert torch.equal(partial.states, whole[:reached])
    assert partial.statistics.accepted + partial.statistics.rejected == 40


def test_as_many_steps_as_the_limit_are_enough() -> None:
    needed = solve(toda, toda_start(), times(0, 3)).statistics
    tried = needed.accepted + needed.rejected
    assert solve(toda, toda_start(), times(0, 3), options={"max_num_steps": tried}).statistics == needed
    with pytest.raises(StepLimitError, match=f"max_num_steps = {tried - 1}"):
        odeint(toda, toda_start(), times(0, 3), options={"max_num_steps": tried - 1})


@pytest.mark.parametrize("method", ["adaptive_heun", "fehlberg2", "bosh3", "dopri5", "tsit5", "dopri8"])
def test_pole_of_the_solution_is_found_at_its_time(method: str) -> None:
    """``y' = y^2, y(0) = 1`` is ``1 / (1 - t)``: it has a pole at 1."""
    t = times(0, 0.5, 2)
    with pytest.raises((StepUnderflowError, NonFiniteError), match=r"at t = 1|after t = 1") as caught:
        odeint(lambda t, y: y**2, times(1), t, method=method, rtol=1e-4, atol=1e-4)
    assert caught.value.time == pytest.approx(1, abs=2e-2)
    partial = caught.value.solution
    assert partial is not None
    assert isinstance(partial.states, Tensor)
    torch.testing.assert_close(partial.states, times(1, 2)[:, None], rtol=0, atol=5e-2)


def test_pole_passed_at_fixed_steps_is_noticed_at_the_next_output_and_only_finite_outputs_are_handed_over() -> None:
    with pytest.raises(NonFiniteError, match="the state is not finite at the output time t = 2") as caught:
        odeint(lambda t, y: y**2, times(1), times(0, 0.5, 2, 3), method="rk4", options={"step_size": 0.01})
    partial = caught.value.solution
    assert partial is not None
    assert isinstance(partial.states, Tensor)
    torch.testing.assert_close(partial.states, times(1, 2)[:, None], rtol=0, atol=1e-6)


@pytest.mark.parametrize("method", ["dopri5", "dopri8", "rk4"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_initial_state_that_is_not_finite_is_named_at_its_time(method: str, bad: float) -> None:
    with pytest.raises(NonFiniteError, match=r"the state is not finite at .*t = 0\.25") as caught:
        odeint(toda, times(bad, 0), times(0.25, 1), method=method)
    assert caught.value.time == 0.25


@pytest.mark.parametrize("first_step", [None, 0.1])
def test_field_that_is_infinite_from_the_start_is_named_at_its_time(first_step: float | None) -> None:
    with pytest.raises(NonFiniteError, match=r"the vector field is not finite at .*t = 0\.25"):
        odeint(lambda t, y: y / (t - 0.25), times(1), times(0.25, 1), options={"first_step": first_step})


@pytest.mark.parametrize("method", ["dopri5", "dopri8", "fehlberg2"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_field_that_becomes_infinite_later_is_named_near_that_time(method: str, bad: float) -> None:
    def field(t: Tensor, y: Tensor) -> Tensor:
        return torch.where(t > 0.75, bad, 1.0) * torch.ones_like(y)

    with pytest.raises(IntegrationError, match=r"t = 0\.75") as caught:
        odeint(field, times(0), times(0, 0.5, 1), method=method)
    assert caught.value.time == pytest.approx(0.75, abs=1e-6)
    assert caught.value.solution is not None
    assert isinstance(caught.value.solution.states, Tensor)
    torch.testing.assert_close(caught.value.solution.states, times(0, 0.5)[:, None])


def test_integration_errors_are_assertions_as_torchdiffeqs_are() -> None:
    with pytest.raises(AssertionError, match="underflow"):
        odeint(lambda t, y: y**2, times(1), times(0, 2), rtol=1e-4, atol=1e-4)
