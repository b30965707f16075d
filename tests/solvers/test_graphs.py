"""Solves as recordings, replayed by a stand-in on a CPU."""

from __future__ import annotations

import gc
import math
import weakref
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from suite import solve
from suite.harness.meters import host_syncs
from suite.solvers import METHODS, CountedField, ExplicitRungeKutta, explicit_methods
from suite.solvers.error_norm import ErrorScale, rms_norm
from suite.solvers.errors import IntegrationError, InvalidProblemError, NonFiniteError, StepLimitError
from suite.solvers.graphs import choice
from suite.solvers.graphs.kept import FALLBACKS
from suite.solvers.graphs.resident import ResidentBuffers, ResidentIntegrator
from suite.solvers.graphs.resident_solve import fill
from suite.solvers.runge_kutta import RungeKutta
from suite.solvers.step_control import StepController
from tests.solvers.recorded_solves import Field, Rotation, both, loosely, record_on_tape, start, times
from tests.solvers.tape_recorder import TapeRecorder
from tests.solvers.watching_recorder import WatchingRecorder

ADAPTIVE = sorted(name for name, method in explicit_methods().items() if method.adaptive)
ON_A_GRID = sorted(name for name, method in METHODS.items() if method.replayable and not method.adaptive)


@pytest.fixture(autouse=True)
def recorder(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> TapeRecorder | None:
    return None if "no_recorder" in request.fixturenames else record_on_tape(monkeypatch)


@pytest.fixture
def no_recorder() -> None:
    """Leave the choice of a recorder to the package."""


@pytest.mark.parametrize("method", ON_A_GRID)
@pytest.mark.parametrize(
    ("t", "options"),
    [
        (times(0, 0.3, 0.5, 2), {}),
        (times(2, 1.1, 0), {"step_size": 0.1}),
        (times(0, 1.23, 2), {"step_size": 0.25, "interp": "cubic"}),
    ],
)
def test_a_replayed_grid_gives_the_same_bits(method: str, t: Tensor, options: dict[str, Any]) -> None:
    stepped, replayed = both(Field().double(), start(), t, method=method, options=options)
    assert torch.equal(stepped.states, replayed.states)
    assert replayed.statistics.graph_replays == 1
    for name in ("nfe", "accepted", "rejected", "host_syncs"):
        assert getattr(stepped.statistics, name) == getattr(replayed.statistics, name)


def test_there_are_grid_methods_to_replay() -> None:
    assert {"euler", "rk4", "explicit_adams", "ab2"} <= set(ON_A_GRID)
    assert "implicit_euler" not in ON_A_GRID


@pytest.mark.parametrize("method", ADAPTIVE)
@pytest.mark.parametrize("t", [times(0, 3), times(3, 0)])
def test_resident_steps_are_those_of_the_host(method: str, t: Tensor) -> None:
    stepped, replayed = both(Field().double(), start(), t, method=method, **loosely(method))
    assert torch.allclose(stepped.states, replayed.states, rtol=1e-10, atol=1e-12)
    ours, theirs = replayed.statistics, stepped.statistics
    assert (ours.accepted, ours.rejected) == (theirs.accepted, theirs.rejected)
    assert ours.error_estimate == pytest.approx(theirs.error_estimate, rel=1e-3)
    # Without a last stage to go on from, a rejected step evaluates the field at its end for nothing.
    tableau = explicit_methods()[method].tableau
    spare = 0 if tableau.first_same_as_last else ours.rejected + 1
    assert ours.nfe == theirs.nfe + spare


@pytest.mark.parametrize("method", ["dopri5", "tsit5", "bosh3", "adaptive_heun", "fehlberg2"])
def test_outputs_inside_steps_are_those_of_the_host(method: str) -> None:
    t = torch.linspace(0, 3, 23, dtype=torch.float64)
    stepped, replayed = both(Field().double(), start(), t, method=method, **loosely(method))
    assert torch.allclose(stepped.states, replayed.states, rtol=1e-10, atol=1e-12)


def test_a_replayed_solution_is_a_rotation() -> None:
    t = times(0, 0.5, 1, 7)
    with torch.no_grad():
        states = solve(Rotation(), times(1, 0), t, rtol=1e-9, atol=1e-11, graph="always").states
    exact = torch.stack([t.cos(), t.sin()], dim=-1)
    assert isinstance(states, Tensor)
    assert (states - exact).abs().max() < 1e-7


@pytest.mark.parametrize("state", ["tuple", "transposed", "float32"])
def test_states_of_other_kinds(state: str) -> None:
    class Pair(nn.Module):
        def forward(self, t: Tensor, y: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
            return -y[1][:, 0] + t, y[1] * 0.5

    if state == "tuple":
        field: nn.Module = Pair()
        y0: Any = (torch.ones(3, dtype=torch.float64), start(3))
    else:
        field = Field() if state == "float32" else Rotation()
        y0 = start().float() if state == "float32" else start().t().contiguous().t()
    for arguments in ({"method": "rk4", "options": {"step_size": 0.1}}, {"rtol": 1e-4, "atol": 1e-6}):
        stepped, replayed = both(field, y0, torch.linspace(0, 1, 5).double(), **arguments)
        # Of a chosen step size the last bits differ, and with them the error in its tolerance.
        allowed = 0.0 if "method" in arguments else 1e-4
        pairs = zip(stepped.states, replayed.states, strict=True)
        assert all(torch.allclose(a, b, rtol=allowed, atol=allowed) for a, b in pairs)


def test_the_host_waits_less_than_every_fifth_step() -> None:
    field, t = Field().double(), times(0, 6)
    with torch.no_grad():
        for _ in range(2):
            with host_syncs() as waits:
                statistics = solve(field, start(), t, rtol=1e-6, atol=1e-8, graph="always").statistics
            tried = statistics.accepted + statistics.rejected
            assert tried > 25
            assert waits.value <= 0.2 * tried
            assert statistics.host_syncs == waits.value
    assert statistics.host_syncs == 2  # the output times, and whether it is done, asked when it should be


def test_steps_after_the_end_change_nothing() -> None:
    field = Field().double()
    y0 = start()
    method = RungeKutta(explicit_methods()["dopri5"].tableau, y0)
    buffers = ResidentBuffers.like(y0, 1, 0)
    integrator = ResidentIntegrator(method, field, ErrorScale(1e-4, 1e-6, rms_norm), StepController(5), buffers)
    with torch.no_grad():
        fill(buffers, y0, [0.0, 1.0], [], 100)
        integrator.start(None)
        for _ in range(20):
            integrator.step()
        assert buffers.progress[6] == 0
        assert buffers.progress[0] == 1
        state, counts = buffers.y.clone(), buffers.progress[3:6].clone()
        for _ in range(5):
            integrator.step()
    assert torch.equal(buffers.y, state)
    assert torch.equal(buffers.progress[3:6], counts)
    assert buffers.progress[0] == 1


def test_changed_weights_are_followed_without_a_new_recording(recorder: TapeRecorder) -> None:
    field = Rotation()
    with torch.no_grad():
        solve(field, times(1, 0), times(0, 1), graph="always")
        made = recorder.captures
        field.rate.mul_(2)
        states = solve(field, times(1, 0), times(0, 1), graph="always").states
    assert recorder.captures == made
    assert torch.allclose(states[1], times(math.cos(2), math.sin(2)), atol=1e-6)


@pytest.mark.parametrize("change", ["parameter", "attribute", "tensor"])
def test_what_is_put_in_place_of_something_else_is_recorded_anew(recorder: TapeRecorder, change: str) -> None:
    class Scaled(Rotation):
        factor = 1.0
        offset = torch.zeros(2, dtype=torch.float64)

        def __init__(self) -> None:
            super().__init__()
            self.factor, self.offset = 1.0, torch.zeros(2, dtype=torch.float64)

        def forward(self, t: Tensor, y: Tensor) -> Tensor:
            return self.factor * super().forward(t, y) + self.offset

    field = Scaled()
    options = {"step_size": 0.1}
    with torch.no_grad():
        solve(field, times(1, 0), times(0, 1), method="rk4", options=options, graph="always")
        made = recorder.captures
        if change == "parameter":
            field.rate = nn.Parameter(torch.tensor(2.0, dtype=torch.float64))
        elif change == "attribute":
            field.factor = 3.0
        else:
            field.offset = torch.ones(2, dtype=torch.float64)
        stepped, replayed = both(field, times(1, 0), times(0, 1), method="rk4", options=options)
    assert recorder.captures == made + 1
    assert torch.equal(stepped.states, replayed.states)


def test_a_field_that_counts_in_an_attribute_is_not_replayed() -> None:
    class Counting(Rotation):
        calls = 0

        def forward(self, t: Tensor, y: Tensor) -> Tensor:
            self.calls += 1
            return super().forward(t, y)

    with torch.no_grad(), pytest.raises(InvalidProblemError, match="changes its own attributes"):
        solve(Counting(), times(1, 0), times(0, 1), graph="always")


def test_a_field_that_reads_a_number_of_a_tensor_is_stepped_by_the_host() -> None:
    class Reading(Rotation):
        def forward(self, t: Tensor, y: Tensor) -> Tensor:
            return super().forward(t, y) if float(t) < 0.5 else y

    field = Reading()
    with torch.no_grad():
        for _ in range(3):
            statistics = solve(field, times(1, 0), times(0, 1)).statistics
    assert statistics.graph_replays == 0
    assert "cannot be captured" in statistics.graph_fallback


def test_a_counter_around_the_field_counts_what_a_replay_evaluates() -> None:
    field = CountedField(Rotation())
    with torch.no_grad():
        for arguments in ({"method": "rk4", "options": {"step_size": 0.1}}, {"method": "dopri5"}):
            for graph in ("always", "always"):
                field.reset()
                solution = solve(field, times(1, 0), times(0, 1), graph=graph, **arguments)
                assert field.nfe == solution.statistics.nfe > 0


def test_auto_records_the_second_solve_of_a_kind() -> None:
    field = Rotation()
    with torch.no_grad():
        first = solve(field, times(1, 0), times(0, 1)).statistics
        second = solve(field, times(1, 0), times(0, 1)).statistics
        other = solve(field, times(1, 0), times(0, 1), rtol=1e-3).statistics
    assert first.graph_replays == 0
    assert "first solve of its kind" in first.graph_fallback
    assert second.graph_replays > 0
    assert second.graph_fallback == ""
    assert other.graph_replays == 0


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"dense": True}, "dense=True"),
        ({"options": {"jump_t": [0.5]}}, "jump_t"),
        ({"event_fn": lambda t, y: y[0] - 0.5}, "event"),
        ({"rtol": times(1e-3, 1e-3)}, "rtol is a tensor"),
        ({"method": "rk4", "options": {"step_size": 9.5e-4}}, "evaluations are more than"),
        ({"y0": torch.ones(2, dtype=torch.complex128)}, "complex"),
    ],
)
def test_what_cannot_be_replayed_is_stepped_by_the_host_with_a_reason(arguments: dict[str, Any], reason: str) -> None:
    class Decay(nn.Module):
        def forward(self, t: Tensor, y: Tensor) -> Tensor:
            return -y

    arguments = {"y0": times(1, 0), "t": times(0, 1), **arguments}
    field = Decay()
    FALLBACKS.clear()
    with torch.no_grad():
        for _ in range(2):
            statistics = solve(field, **arguments).statistics
        assert reason in statistics.graph_fallback
        assert statistics.graph_replays == 0
        assert sum(count for words, count in FALLBACKS.items() if reason in words) >= 1
        with pytest.raises(InvalidProblemError, match=r"graph='always' cannot record this solve"):
            solve(field, **arguments, graph="always")


def test_autograd_and_functions_are_left_to_the_host() -> None:
    field = Rotation()
    recorded = solve(field, times(1, 0), times(0, 1)).statistics
    assert recorded.graph_fallback == "autograd records the steps"
    plain = solve(lambda t, y: -y, times(1, 0), times(0, 1)).statistics
    assert "no module" in plain.graph_fallback
    assert solve(lambda t, y: -y, times(1, 0), times(0, 1), graph="always").statistics.graph_replays > 0


def test_errors_are_those_of_the_host() -> None:
    class Explosion(nn.Module):
        def forward(self, t: Tensor, y: Tensor) -> Tensor:
            return y * y

    class Undefined(nn.Module):
        def forward(self, t: Tensor, y: Tensor) -> Tensor:
            return y * math.nan

    cases: list[tuple[nn.Module, dict[str, Any], type[IntegrationError]]] = [
        (Explosion(), {"rtol": 1e-3, "atol": 1e-4}, IntegrationError),
        (Undefined(), {}, NonFiniteError),
        (Rotation(), {"options": {"max_num_steps": 3}}, StepLimitError),
    ]
    for field, arguments, kind in cases:
        messages = []
        for graph in ("never", "auto", "auto", "always", "loop"):
            with torch.no_grad(), pytest.raises(kind) as caught:
                solve(field, times(1, 1), times(0, 5), graph=graph, **arguments)
            messages.append(str(caught.value))
        assert len(set(messages)) == 1


def test_recordings_do_not_keep_a_field_alive() -> None:
    field = Field().double()
    with torch.no_grad():
        solve(field, start(), times(0, 1), graph="always")
        solve(field, start(), times(0, 1), method="rk4", graph="always")
    gone = weakref.ref(field)
    del field
    gc.collect()
    assert gone() is None


def test_a_choice_that_is_none_and_a_device_without_recordings_are_refused(no_recorder: None) -> None:
    with pytest.raises(InvalidProblemError, match="graph is 'auto', 'always', 'loop' or 'never', not 'yes'"):
        solve(Rotation(), times(1, 0), times(0, 1), graph="yes")  # type: ignore[arg-type]
    for graph in ("always", "loop"):
        with pytest.raises(InvalidProblemError, match=f"graph='{graph}' needs a state on a CUDA device, not on cpu"):
            solve(Rotation(), times(1, 0), times(0, 1), graph=graph)
    statistics = solve(Rotation(), times(1, 0), times(0, 1)).statistics
    assert (statistics.graph_replays, statistics.graph_fallback) == (0, "")


@pytest.mark.parametrize("method", [*ADAPTIVE, *ON_A_GRID])
def test_what_is_recorded_reads_nothing_and_copies_nothing_from_the_host(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the meta device there is no value to read: what runs there can be captured."""
    watching = WatchingRecorder()
    monkeypatch.setattr(choice, "recorder_for", lambda device: watching)
    found = METHODS[method]
    t = torch.linspace(0, 1, 2 if found.adaptive else 4)
    # The host reads the outcome of what was never done.
    with torch.no_grad(), pytest.raises((RuntimeError, NotImplementedError)):
        solve(Field().to("meta"), torch.empty(4, 2, device="meta"), t, method=method, graph="always")
    assert watching.waits
    assert all(count == 0 for count in watching.waits)
    assert all(copies == [] for copies in watching.copies)
    if isinstance(found, ExplicitRungeKutta) and method == "dopri5":
        evaluation = 5
        assert watching.launches[1] <= 6 * evaluation + 90
