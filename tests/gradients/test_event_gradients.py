"""Gradients through the time of an event: analytic where there is a formula, else finite differences."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from suite import odeint, odeint_adjoint, odeint_event
from suite.solvers import InvalidTypeError
from tests.solvers.problems import times

Solver = Callable[..., Any]
TIGHT: dict[str, Any] = {"rtol": 1e-11, "atol": 1e-11}


def leaf(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64, requires_grad=True)


@pytest.fixture
def ball() -> dict[str, Tensor]:
    """A thrown ball: where from, how fast, under which gravity, from when, and where the ground is."""
    return {"h": leaf(10), "v": leaf(1.5), "g": leaf(9.81), "t0": leaf(0.3), "ground": leaf(0.2)}


def thrown(ball: dict[str, Tensor], solver: Solver = odeint, **arguments: Any) -> tuple[Tensor, Any]:
    return odeint_event(
        lambda t, y: torch.stack([y[1], -ball["g"].expand(())]),
        torch.stack([ball["h"], ball["v"]]),
        ball["t0"],
        event_fn=lambda t, y: y[0] - ball["ground"],
        odeint_interface=solver,
        **{**TIGHT, **arguments},
    )


def landing(ball: dict[str, Tensor]) -> Tensor:
    drop = ball["h"] - ball["ground"]
    return ball["t0"] + (ball["v"] + torch.sqrt(ball["v"] ** 2 + 2 * ball["g"] * drop)) / ball["g"]


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("dopri5", None),
        ("dopri8", None),
        ("rk4", {"step_size": 0.05, "interp": "cubic"}),
        ("midpoint", {"step_size": 0.05, "interp": "cubic"}),
    ],
)
def test_landing_time_of_a_thrown_ball_has_its_analytic_gradient(
    ball: dict[str, Tensor], method: str, options: dict[str, Any] | None
) -> None:
    time, states = thrown(ball, method=method, options=options)
    exact = landing(ball)
    torch.testing.assert_close(time, exact, rtol=1e-9, atol=0)
    inputs = tuple(ball.values())
    for ours, truth in ((time, exact), (states[1, 1], ball["v"] - ball["g"] * (exact - ball["t0"]))):
        found = torch.autograd.grad(ours, inputs, retain_graph=True, materialize_grads=True)
        expected = torch.autograd.grad(truth, inputs, retain_graph=True, materialize_grads=True)
        torch.testing.assert_close(found, expected, rtol=1e-7, atol=1e-9)
    height = torch.autograd.grad(states[1, 0], inputs, materialize_grads=True)
    expected = tuple(torch.tensor(float(name == "ground"), dtype=torch.float64) for name in ball)
    torch.testing.assert_close(height, expected, rtol=0, atol=1e-8)


def test_dropped_ball_takes_a_half_longer_per_height_and_a_half_shorter_per_gravity(ball: dict[str, Tensor]) -> None:
    """``s = sqrt(2 h / g)``: ``ds/dh = s / 2h`` and ``ds/dg = -s / 2g``; by the adjoint too, where g is a parameter."""
    with torch.no_grad():
        for name in ("v", "t0", "ground"):
            ball[name].zero_()
    for solver in (odeint, partial(odeint_adjoint, adjoint_params=(ball["g"],))):
        time, _ = thrown(ball, solver)
        by_height, by_gravity = torch.autograd.grad(time, (ball["h"], ball["g"]))
        value = (20 / 9.81) ** 0.5
        assert time.item() == pytest.approx(value, rel=1e-10)
        assert by_height.item() == pytest.approx(value / 20, rel=1e-8)
        assert by_gravity.item() == pytest.approx(-value / (2 * 9.81), rel=1e-8)


def pendulum(stiffness: Tensor, t: Tensor, y: Tensor) -> Tensor:
    return torch.stack([y[1], -stiffness * torch.sin(y[0]) - 0.1 * y[1] * torch.cos(t)])


def crossing(stiffness: Tensor, angle: Tensor, *, reverse: bool = False, adjoint: bool = False) -> Tensor:
    """Return a function of the time and the state at which a driven pendulum crosses a moving line."""
    time, states = odeint_event(
        partial(pendulum, stiffness),
        torch.stack([angle, times(0.3)[0]]),
        times(0.5)[0],
        event_fn=lambda t, y: torch.stack([y[0] + 0.2 * torch.sin(t), y[1].abs() + 5]),
        reverse_time=reverse,
        odeint_interface=partial(odeint_adjoint, adjoint_params=(stiffness,)) if adjoint else odeint,
        **TIGHT,
    )
    return torch.sin(time) + (states[1] * times(0.7, 0.4)).sum() + states[0].sum()


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("adjoint", [False, True])
def test_event_of_a_nonlinear_system_agrees_with_central_differences(reverse: bool, adjoint: bool) -> None:
    inputs = (leaf(2.0), leaf(1.2))
    value = crossing(*inputs, reverse=reverse, adjoint=adjoint)
    found = torch.autograd.grad(value, inputs)
    step = 1e-5
    for index, gradient in enumerate(found):
        moved = [[x.detach() + sign * step * (i == index) for i, x in enumerate(inputs)] for sign in (1, -1)]
        up, down = (crossing(*arguments, reverse=reverse) for arguments in moved)
        assert gradient.item() == pytest.approx((up - down).item() / (2 * step), rel=2e-6)


def test_tuple_state_and_odeint_interface_are_passed_through() -> None:
    rate = leaf(0.7)
    for solver in (odeint, partial(odeint_adjoint, adjoint_params=(rate,))):
        time, (decaying, clock) = odeint_event(
            lambda t, y: (-rate * y[0], torch.ones_like(y[1])),
            (torch.ones(3, dtype=torch.float64), times(0)[0]),
            times(0)[0],
            event_fn=lambda t, y: y[0] - 0.25,
            odeint_interface=solver,
            method="dopri5",
            **TIGHT,
        )
        assert decaying.shape == (2, 3)
        assert clock.shape == (2,)
        expected = torch.log(torch.tensor(4.0, dtype=torch.float64)) / rate
        torch.testing.assert_close(time, expected, rtol=1e-8, atol=0)
        (found,) = torch.autograd.grad(time + clock[1], rate)
        (truth,) = torch.autograd.grad(2 * expected, rate)
        torch.testing.assert_close(found, truth, rtol=1e-7, atol=0)


def test_without_odeint_event_the_event_time_is_held_fixed(ball: dict[str, Tensor]) -> None:
    """As in torchdiffeq: the gradient of the height is then that of the height at a given time, which is 1."""
    time, states = odeint(
        lambda t, y: torch.stack([y[1], -ball["g"].expand(())]),
        torch.stack([ball["h"], ball["v"]]),
        times(0, 1),
        event_fn=lambda t, y: y[0],
    )
    assert isinstance(states, Tensor)
    assert not time.requires_grad
    assert torch.autograd.grad(states[1, 0], ball["h"])[0].item() == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize("t0", [0.0, torch.tensor([0.0, 1.0]), torch.tensor(0)])
def test_start_that_is_no_floating_point_tensor_of_one_entry_is_refused(t0: Any) -> None:
    with pytest.raises(InvalidTypeError, match="t0 is a floating-point tensor of one entry"):
        odeint_event(lambda t, y: -y, times(1), t0, event_fn=lambda t, y: y)
