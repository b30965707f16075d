"""Callbacks of the vector field are told of every step, with torchdiffeq's names and arguments."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torchdiffeq
from torch import Tensor

from suite.solvers import explicit_methods, odeint, solve
from tests.solvers.problems import times, toda, toda_start

METHODS = [(name, None if method.adaptive else {"step_size": 0.1}) for name, method in explicit_methods().items()]
ADAPTIVE = [name for name, method in explicit_methods().items() if method.adaptive]


class Told:
    """A vector field that notes what its callbacks are told."""

    def __init__(self, *, all_three: bool) -> None:
        self.calls: dict[str, list[tuple[float, Any, float]]] = {}
        for name in ("callback_step", "callback_accept_step", "callback_reject_step")[: 3 if all_three else 1]:
            self.calls[name] = []
            setattr(self, name, self.note(name))

    def note(self, name: str) -> Any:
        def callback(t0: Tensor, y0: Any, dt: Tensor) -> None:
            assert t0.shape == dt.shape == ()
            self.calls[name].append((t0.item(), y0, dt.item()))

        return callback

    def __call__(self, t: Tensor, y: Any) -> Any:
        return tuple(toda(t, part) for part in y) if isinstance(y, tuple) else toda(t, y)


@pytest.mark.parametrize(("method", "options"), METHODS)
@pytest.mark.parametrize("direction", [1, -1])
def test_steps_told_of_are_the_steps_taken(method: str, options: dict[str, Any] | None, direction: int) -> None:
    adaptive = options is None
    field = Told(all_three=adaptive)
    t = direction * times(0, 0.55, 2)
    statistics = solve(field, toda_start(), t, method=method, options=options, rtol=1e-4, atol=1e-4).statistics
    tried = field.calls["callback_step"]
    assert len(tried) == statistics.accepted + statistics.rejected
    taken = field.calls["callback_accept_step"] if adaptive else tried
    assert len(taken) == statistics.accepted
    assert len(field.calls.get("callback_reject_step", [])) == statistics.rejected
    assert all(size > 0 for _, _, size in tried)
    time = 0.0
    for start, state, size in taken:
        assert start == pytest.approx(time, abs=1e-12)
        assert state.shape == (2,)
        time += direction * size
    assert time == pytest.approx(2 * direction)


def test_state_told_of_is_that_at_the_start_of_the_step() -> None:
    field = Told(all_three=False)
    states = odeint(field, toda_start(), times(0, 0.5, 1), method="rk4")
    assert isinstance(states, Tensor)
    told = torch.stack([state for _, state, _ in field.calls["callback_step"]])
    assert torch.equal(told, states[:2])


def test_tuple_state_is_told_as_a_tuple() -> None:
    field = Told(all_three=True)
    odeint(field, (toda_start(), toda_start().expand(3, 2)), times(0, 1))
    for calls in field.calls.values():
        for _, state, _ in calls:
            assert [part.shape for part in state] == [(2,), (3, 2)]


@pytest.mark.parametrize("method", ["dopri5", "rk4"])
@pytest.mark.parametrize("direction", [1, -1])
def test_torchdiffeq_tells_of_the_same_first_step_at_the_same_size(method: str, direction: int) -> None:
    ours, theirs = Told(all_three=method == "dopri5"), Told(all_three=method == "dopri5")
    options = {"first_step": 0.05} if method == "dopri5" else {"step_size": 0.1}
    t = direction * times(1, 2)
    odeint(ours, toda_start(), t, method=method, options=options)
    torchdiffeq.odeint(theirs, toda_start(), t, method=method, options=options)
    start, state, size = theirs.calls["callback_step"][0]
    our_start, our_state, our_size = ours.calls["callback_step"][0]
    assert (our_start, our_size) == pytest.approx((start, size), rel=1e-12)
    assert torch.equal(our_state, state)
    if method == "rk4":
        assert len(ours.calls["callback_step"]) == len(theirs.calls["callback_step"])


@pytest.mark.parametrize(
    ("method", "ignored"),
    [
        ("rk4", "callback_accept_step, callback_reject_step"),
        ("scipy_solver", "callback_accept_step, callback_reject_step, callback_step"),
    ],
)
def test_callbacks_that_a_method_does_not_call_give_one_warning_at_the_line_of_the_user(
    method: str, ignored: str
) -> None:
    field = Told(all_three=True)
    with pytest.warns(UserWarning, match=f"does not call {ignored}$") as caught:
        odeint(field, toda_start(), times(0, 1), method=method)
    assert [warning.filename for warning in caught] == [__file__]
    assert not field.calls["callback_accept_step"]


@pytest.mark.parametrize(("method", "options"), [("dopri5", None), ("rk4", {"step_size": 0.1})])
def test_steps_on_the_way_to_an_event_are_told_of_too(method: str, options: dict[str, Any] | None) -> None:
    field = Told(all_three=False)
    solution = solve(field, toda_start(), times(0, 1), method=method, options=options, event_fn=lambda t, y: y[0])
    assert len(field.calls["callback_step"]) == solution.statistics.accepted + solution.statistics.rejected
