"""A solve that ends at an event ends where the event function first changes its sign."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from suite.solvers import (
    EventNotFoundError,
    InvalidProblemError,
    NonFiniteError,
    StepLimitError,
    explicit_methods,
    odeint,
    solve,
)
from tests.solvers.problems import times

GRAVITY = 9.81
ADAPTIVE = [name for name, method in explicit_methods().items() if method.adaptive]
FIXED = [name for name, method in explicit_methods().items() if not method.adaptive]
FORWARDS = times(0, 1)


def ball(t: Tensor, y: Tensor) -> Tensor:
    return torch.stack([y[1], torch.full_like(y[1], -GRAVITY)])


def drift(speed: float, t: Tensor, y: Tensor) -> Tensor:
    return speed * torch.ones_like(y)


def height(t: Tensor, y: Tensor) -> Tensor:
    return y[0]


@pytest.mark.parametrize("method", ADAPTIVE)
@pytest.mark.parametrize("h", [0.5, 10.0])
def test_dropped_ball_reaches_the_ground_after_the_root_of_twice_the_height_over_gravity(method: str, h: float) -> None:
    time, states = odeint(ball, times(h, 0), FORWARDS, method=method, rtol=1e-6, atol=1e-6, event_fn=height)
    assert isinstance(states, Tensor)
    assert time.item() == pytest.approx(math.sqrt(2 * h / GRAVITY), rel=1e-6)
    torch.testing.assert_close(states[0], times(h, 0), rtol=0, atol=0)
    torch.testing.assert_close(states[1], times(0, -math.sqrt(2 * h * GRAVITY)), rtol=1e-5, atol=1e-13)


@pytest.mark.parametrize("method", [name for name in FIXED if name != "euler"])
@pytest.mark.parametrize("size", [0.1, 0.07])
def test_equal_steps_of_second_order_and_cubic_interpolation_find_the_ground_exactly(method: str, size: float) -> None:
    """The trajectory is a parabola, for which both are exact."""
    options = {"step_size": size, "interp": "cubic"}
    time, states = odeint(ball, times(10, 0), FORWARDS, method=method, options=options, event_fn=height)
    assert isinstance(states, Tensor)
    assert time.item() == pytest.approx(math.sqrt(20 / GRAVITY), rel=1e-12)
    torch.testing.assert_close(states[1], times(0, -math.sqrt(20 * GRAVITY)), rtol=1e-12, atol=1e-12)


def test_linear_interpolation_on_a_grid_finds_where_the_chord_crosses() -> None:
    """On ``y = 1 - t^2`` at steps of 0.3 the chord from 0.9 to 1.2 vanishes at ``0.9 + 0.3 * 0.19 / 0.63``."""
    time, _ = odeint(
        lambda t, y: -2 * t * torch.ones_like(y),
        times(1),
        FORWARDS,
        method="midpoint",
        options={"step_size": 0.3},
        event_fn=lambda t, y: y,
    )
    assert time.item() == pytest.approx(0.9 + 0.3 * 0.19 / 0.63, rel=1e-12)


@pytest.mark.parametrize(("method", "options"), [("dopri5", None), ("rk4", {"step_size": 0.01, "interp": "cubic"})])
def test_backwards_in_time_the_event_before_the_start_is_found(method: str, options: dict[str, Any] | None) -> None:
    """``y' = y, y(0) = 1`` was ``1/2`` at ``-log 2``."""
    solution = solve(
        lambda t, y: y, times(1), times(0, -1), method=method, options=options, event_fn=lambda t, y: y - 0.5
    )
    assert solution.event_time is not None
    assert solution.event_time.item() == pytest.approx(-math.log(2), abs=1e-7)
    assert torch.equal(solution.times, torch.stack([times(0)[0], solution.event_time]))
    torch.testing.assert_close(solution.states, times(1, 0.5)[:, None], rtol=1e-7, atol=0)


def test_event_function_sees_a_tuple_state_as_the_user_does_and_double_precision_time() -> None:
    seen: list[tuple[Any, ...]] = []

    def function(t: Tensor, state: tuple[Tensor, ...]) -> Tensor:
        seen.append((t.dtype, t.shape, [part.shape for part in state]))
        return state[1].sum()

    y0 = (torch.ones(2, 3), -torch.ones(()))
    time, states = odeint(
        lambda t, y: (-y[0], torch.ones(())), y0, torch.tensor([0.0, 1.0]), event_fn=function, rtol=1e-5, atol=1e-5
    )
    assert set(map(str, seen)) == {str((torch.float64, torch.Size([]), [torch.Size([2, 3]), torch.Size([])]))}
    assert time.item() == pytest.approx(1, rel=1e-6)
    assert time.dtype is torch.float32
    assert [part.shape for part in states] == [(2, 2, 3), (2,)]
    torch.testing.assert_close(states[0][1], torch.full((2, 3), math.exp(-1)), rtol=1e-4, atol=0)


def test_of_several_components_the_first_to_change_its_sign_in_either_direction_ends_the_solve() -> None:
    def walls(t: Tensor, y: Tensor) -> Tensor:
        return torch.stack([y[0] + 4, y[0] - 2, 7 - t])

    for speed, expected in ((1.0, 2.0), (-1.0, 4.0), (0.1, 7.0)):
        time, _ = odeint(partial(drift, speed), times(0), FORWARDS, event_fn=walls)
        assert time.item() == pytest.approx(expected, rel=1e-12)


def test_event_that_happens_at_the_start_ends_the_solve_there() -> None:
    for method, options in (("dopri5", None), ("rk4", {"step_size": 0.1})):
        solution = solve(ball, times(0, 3), times(2, 3), method=method, options=options, event_fn=height)
        assert solution.times.tolist() == [2, 2]
        assert isinstance(solution.states, Tensor)
        assert torch.equal(solution.states, times(0, 3).expand(2, 2))
        assert solution.statistics.accepted == 0


@pytest.mark.parametrize("method", ["bosh3", "dopri5", "dopri8"])
@pytest.mark.parametrize("tolerance", [1e-4, 1e-8])
def test_event_time_of_a_nonlinear_problem_is_as_accurate_as_the_tolerance(method: str, tolerance: float) -> None:
    """``y' = y^2, y(0) = 1`` is ``1 / (1 - t)``, which is 4 at 3/4; there it moves by 16 a unit of time."""
    solution = solve(
        lambda t, y: y**2,
        times(1),
        FORWARDS,
        method=method,
        rtol=tolerance,
        atol=tolerance,
        event_fn=lambda t, y: y - 4,
    )
    assert solution.event_time is not None
    assert solution.event_time.item() == pytest.approx(0.75, abs=20 * tolerance)
    assert isinstance(solution.states, Tensor)
    assert solution.states[1].item() == pytest.approx(4, abs=1e-13), "the root is found to machine precision"


def test_root_is_found_with_few_waits_for_the_device() -> None:
    solution = solve(lambda t, y: y**2, times(1), FORWARDS, event_fn=lambda t, y: torch.exp(y) - math.exp(4))
    statistics = solution.statistics
    steps = statistics.accepted + statistics.rejected
    search = statistics.host_syncs - steps - statistics.accepted
    assert search <= 16, "bisection to machine precision would wait 45 times"


def test_field_that_jumps_on_the_way_to_the_event_is_followed_exactly() -> None:
    """The speed doubles at 1, so that 5 is reached at 3."""
    solution = solve(
        lambda t, y: torch.where(t < 1, 1.0, 2.0) * torch.ones_like(y),
        times(0),
        FORWARDS,
        options={"jump_t": times(1), "step_t": times(0.5, 2.5)},
        event_fn=lambda t, y: y - 5,
    )
    assert solution.event_time is not None
    assert solution.event_time.item() == pytest.approx(3, rel=1e-12)


def test_dense_output_reaches_to_the_event() -> None:
    solution = solve(ball, times(10, 0), FORWARDS, event_fn=height, dense=True)
    assert solution.interpolant is not None
    assert solution.event_time is not None
    middle = solution.event_time / 2
    state = solution.interpolant(middle)
    assert isinstance(state, Tensor)
    assert state[0].item() == pytest.approx(10 - GRAVITY * middle.item() ** 2 / 2, rel=1e-9)


def test_event_that_never_happens_ends_with_the_step_limit_or_with_the_time() -> None:
    with pytest.raises(StepLimitError, match="max_num_steps = 20 steps were tried"):
        odeint(lambda t, y: -y, times(1), FORWARDS, event_fn=lambda t, y: y, options={"max_num_steps": 20})
    with pytest.raises(EventNotFoundError, match=r"by t = 2, after max_num_steps = 20 steps") as caught:
        odeint(
            lambda t, y: -y,
            times(1),
            FORWARDS,
            method="rk4",
            event_fn=lambda t, y: y,
            options={"step_size": 0.1, "max_num_steps": 20},
        )
    assert isinstance(caught.value, RuntimeError), "as torchdiffeq raises"
    assert caught.value.time == pytest.approx(2)
    with pytest.raises(EventNotFoundError, match=r"event_fn has not changed its sign by t = .*e\+307"):
        odeint(lambda t, y: 0 * y, times(1), FORWARDS, event_fn=lambda t, y: y)


def test_method_that_looks_for_no_events_says_so() -> None:
    with pytest.raises(InvalidProblemError, match="events"):
        odeint(lambda t, y: -y, times(1), FORWARDS, method="scipy_solver", event_fn=lambda t, y: y - 0.5)


def test_event_function_that_becomes_not_a_number_is_named_at_its_time() -> None:
    with pytest.raises(NonFiniteError, match=r"event_fn is not-a-number at t = 0$"):
        odeint(lambda t, y: -y, times(1), FORWARDS, event_fn=lambda t, y: y * math.nan)
