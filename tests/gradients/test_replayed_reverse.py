"""Reverse solves as recordings: replayed by a stand-in on a CPU."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from suite import solve
from suite.gradients import Adjoint
from suite.gradients.continuous_adjoint import _reverse
from suite.gradients.replayed_reverse import replayed
from suite.gradients.reverse_problem import ReverseProblem
from suite.solvers import CountedField
from suite.solvers.errors import InvalidProblemError
from suite.solvers.graphs import choice
from suite.solvers.methods import find
from suite.solvers.solution import Solution
from suite.solvers.state import StateLayout
from suite.solvers.vector_field import PackedField
from tests.gradients.problems import Relaxation
from tests.solvers.tape_recorder import TapeRecorder
from tests.solvers.watching_recorder import WatchingRecorder


class Field(nn.Module):
    """A perceptron that the time moves."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2))

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        out: Tensor = self.net(y) + torch.sin(3 * t)
        return out


@pytest.fixture(autouse=True)
def recorder(monkeypatch: pytest.MonkeyPatch) -> TapeRecorder:
    torch.manual_seed(0)
    found = TapeRecorder(list)
    monkeypatch.setattr(choice, "recorder_for", lambda device: found)
    return found


def gradients(
    field: nn.Module,
    graph: str,
    outputs: int,
    *,
    weight: Tensor | None = None,
    way: Adjoint | None = None,
    **given: Any,
) -> tuple[list[Tensor], Solution]:
    """Return the gradients of a loss over all outputs but the first: by the state at the start and the parameters."""
    y0 = torch.linspace(-1, 1, 6, dtype=torch.float64).view(3, 2).requires_grad_()
    t = torch.linspace(0, 2, outputs, dtype=torch.float64)
    solution = solve(field, y0, t, gradient=way or Adjoint(), graph=graph, **given)  # type: ignore[arg-type]
    assert isinstance(solution.states, Tensor)
    weights = torch.ones(outputs - 1, dtype=torch.float64) if weight is None else weight
    loss = (weights.view(-1, 1, 1) * solution.states[1:].square()).sum()
    return list(torch.autograd.grad(loss, [y0, *field.parameters()])), solution


@pytest.mark.parametrize("method", ["rk4", "heun2", "euler"])
@pytest.mark.parametrize("outputs", [2, 5])
def test_gradients_of_a_replayed_grid_have_the_same_bits(method: str, outputs: int) -> None:
    field = Field().double()
    given: dict[str, Any] = {"method": method, "options": {"step_size": 0.1}}
    stepped, by_host = gradients(field, "never", outputs, **given)
    replayed, by_graph = gradients(field, "always", outputs, **given)
    assert all(torch.equal(a, b) for a, b in zip(stepped, replayed, strict=True))
    assert by_graph.backward.graph_replays == 1
    assert by_graph.backward.nfe == by_host.backward.nfe
    assert by_graph.backward.accepted == by_host.backward.accepted


@pytest.mark.parametrize("method", ["dopri5", "tsit5", "bosh3"])
@pytest.mark.parametrize("outputs", [2, 5])
@pytest.mark.parametrize("variant", ["default", "seminorm"])
def test_gradients_of_resident_steps_are_those_of_the_host(method: str, outputs: int, variant: Any) -> None:
    field = Field().double()
    given: dict[str, Any] = {"method": method, "rtol": 1e-5, "atol": 1e-7, "way": Adjoint(variant=variant)}
    stepped, by_host = gradients(field, "never", outputs, **given)
    replayed, by_graph = gradients(field, "always", outputs, **given)
    for a, b in zip(stepped, replayed, strict=True):
        assert torch.allclose(a, b, rtol=1e-8, atol=1e-10)
    ours, theirs = by_graph.backward, by_host.backward
    assert (ours.accepted, ours.rejected) == (theirs.accepted, theirs.rejected)
    assert ours.host_syncs <= 0.3 * (ours.accepted + ours.rejected) + 2


def largest(parts: tuple[Tensor, ...]) -> Tensor:
    return torch.stack([part.abs().max() for part in parts]).max()


def largest_entry(state: Tensor) -> Tensor:
    return state.abs().max()


@pytest.mark.parametrize("way", [Adjoint(options={"norm": largest}), Adjoint()])
def test_norms_of_the_user_are_measured_on_the_device(way: Adjoint, recorder: TapeRecorder) -> None:
    field = Field().double()
    given: dict[str, Any] = {"rtol": 1e-5, "atol": 1e-7, "way": way, "options": {"norm": largest_entry}}
    stepped, by_host = gradients(field, "never", 3, **given)
    for repeat in range(2):
        replayed, by_graph = gradients(field, "always", 3, **given)
        for a, b in zip(stepped, replayed, strict=True):
            assert torch.allclose(a, b, rtol=1e-8, atol=1e-10)
        ours, theirs = by_graph.backward, by_host.backward
        assert (ours.accepted, ours.rejected) == (theirs.accepted, theirs.rejected)
        if repeat == 0:
            captures = recorder.captures
    assert recorder.captures == captures  # what is equal to another norm shares its recording


@pytest.mark.parametrize("weight", [(1, 1, 1, 1), (0, 0, 1, 0)])
def test_a_fresh_solve_from_every_output_is_replayed_by_one_recording(
    weight: tuple[int, ...], recorder: TapeRecorder
) -> None:
    field = Field().double()
    given: dict[str, Any] = {"rtol": 1e-5, "atol": 1e-7, "way": Adjoint(variant="segments")}
    given["weight"] = torch.tensor(weight, dtype=torch.float64)
    stepped, by_host = gradients(field, "never", 5, **given)
    replayed, by_graph = gradients(field, "always", 5, **given)
    for a, b in zip(stepped, replayed, strict=True):
        assert torch.allclose(a, b, rtol=1e-8, atol=1e-10)
    ours, theirs = by_graph.backward, by_host.backward
    assert (ours.accepted, ours.rejected, ours.nfe) == (theirs.accepted, theirs.rejected, theirs.nfe)
    assert recorder.captures == 4  # a start and a step, forwards and backwards


@pytest.mark.parametrize("outputs", [2, 5])
def test_reverse_steps_repeated_by_the_device_give_the_same_bits(outputs: int) -> None:
    field = Field().double()
    by_host, one = gradients(field, "always", outputs, rtol=1e-5, atol=1e-7)
    by_device, other = gradients(field, "loop", outputs, rtol=1e-5, atol=1e-7)
    assert all(torch.equal(a, b) for a, b in zip(by_host, by_device, strict=True))
    assert one.backward.accepted == other.backward.accepted
    assert other.backward.graph_replays == 2
    assert other.backward.host_syncs <= 2 + (outputs > 2)


@pytest.mark.parametrize("method", ["dopri5", "bosh3", "adaptive_heun"])
@pytest.mark.parametrize("weight", [(0, 0, 0, 0, 1), (0, 1, 0, 0, 1), (1, 0, 1, 1, 0)])
def test_outputs_without_cotangents_are_watched_as_by_the_host(method: str, weight: tuple[int, ...]) -> None:
    field = Field().double()
    weights = torch.tensor(weight, dtype=torch.float64)
    given: dict[str, Any] = {"method": method, "rtol": 1e-3, "atol": 1e-4, "weight": weights}
    stepped, by_host = gradients(field, "never", 6, **given)
    replayed, by_graph = gradients(field, "always", 6, **given)
    for a, b in zip(stepped, replayed, strict=True):
        assert torch.allclose(a, b, rtol=1e-8, atol=1e-10)
    ours, theirs = by_graph.backward, by_host.backward
    assert (ours.accepted, ours.rejected) == (theirs.accepted, theirs.rejected)
    assert ours.graph_replays > 0


@pytest.mark.parametrize("method", ["dopri5", "bosh3"])
def test_where_the_state_drifts_in_reverse_the_device_goes_back_to_what_is_stored(method: str) -> None:
    """``y' = -20 y + sin y``, whose reverse expands errors by two hundred million."""
    field, found = Relaxation(), {}
    t = torch.linspace(0, 1, 20, dtype=torch.float64)
    for graph in ("never", "always"):
        y0 = torch.ones(1, dtype=torch.float64, requires_grad=True)
        given: dict[str, Any] = {"method": method, "rtol": 1e-5, "atol": 1e-5, "graph": graph}
        solution = solve(field, y0, t, gradient=Adjoint(), **given)
        assert isinstance(solution.states, Tensor)
        slopes = torch.autograd.grad(1e9 * solution.states[-1].sum(), [y0, field.rate])
        found[graph] = [float(slope) for slope in slopes], solution.backward
    (stepped, by_host), (replayed, by_graph) = found["never"], found["always"]
    assert by_graph.graph_replays > 0
    assert (by_graph.accepted, by_graph.rejected) == (by_host.accepted, by_host.rejected)
    assert replayed == pytest.approx(stepped, rel=1e-6)


def test_replayed_gradients_match_finite_differences() -> None:
    field = Field().double()
    (by_start, *_), _ = gradients(field, "always", 3, rtol=1e-9, atol=1e-11)
    y0 = torch.linspace(-1, 1, 6, dtype=torch.float64).view(3, 2)
    t = torch.linspace(0, 2, 3, dtype=torch.float64)
    step = 1e-5
    with torch.no_grad():
        for place in range(6):
            moved = [y0.flatten().clone() for _ in range(2)]
            for state, sign in zip(moved, (1, -1), strict=True):
                state[place] += sign * step
            up, down = (
                solve(field, state.view(3, 2), t, rtol=1e-10, atol=1e-12, graph="never").states[1:].square().sum()  # type: ignore[union-attr]
                for state in moved
            )
            assert float(by_start.flatten()[place]) == pytest.approx(float((up - down) / (2 * step)), rel=1e-5)


def test_training_steps_are_followed_without_new_recordings(recorder: TapeRecorder) -> None:
    field = Field().double()
    optimiser = torch.optim.SGD(field.parameters(), lr=0.1)
    made = []
    for _ in range(3):
        expected, _ = gradients(field, "never", 2)
        found, _ = gradients(field, "always", 2)
        for a, b in zip(expected, found, strict=True):
            assert torch.allclose(a, b, rtol=1e-6, atol=1e-9)
        for parameter, gradient in zip(field.parameters(), found[1:], strict=True):
            parameter.grad = gradient
        optimiser.step()
        made.append(recorder.captures)
    assert len(set(made)) == 1


def test_evaluations_are_counted_by_a_counter_around_the_field() -> None:
    field = CountedField(Field().double())
    _, solution = gradients(field, "always", 2)
    assert field.nfe == solution.statistics.nfe + solution.backward.nfe


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"way": Adjoint(variant="quadrature")}, "quadrature"),
        ({"weight": torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64), "method": "dopri8"}, "by which drift is seen"),
    ],
)
def test_what_cannot_be_replayed_is_stepped_by_the_host_with_a_reason(given: dict[str, Any], reason: str) -> None:
    field = Field().double()
    expected, _ = gradients(field, "never", 4, **given)
    found, solution = gradients(field, "auto", 4, **given)
    assert reason in solution.backward.graph_fallback
    assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))
    with pytest.raises(InvalidProblemError, match="graph='always' cannot record this solve"):
        gradients(field, "always", 4, **given)


@pytest.mark.parametrize(
    ("method", "outputs", "carries"),
    [("rk4", 3, True), ("dopri5", 2, True), ("dopri5", 4, True), ("dopri5", 4, False), ("adaptive_heun", 4, False)],
)
def test_what_is_recorded_reads_nothing_and_copies_nothing_from_the_host(
    method: str, outputs: int, carries: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the meta device there is no value to read: what runs there can be captured."""
    from suite.gradients.adjoint_norm import adjoint_norm

    watching = WatchingRecorder()
    monkeypatch.setattr(choice, "recorder_for", lambda device: watching)
    field, state = Field().to("meta"), torch.empty(3, 2, device="meta")
    layout = StateLayout.of(state)
    flat = torch.empty(outputs, 6, device="meta")
    problem = ReverseProblem(
        PackedField(field, layout),
        tuple(field.parameters()),
        torch.linspace(0, 1, outputs),
        flat,
        flat,
        find(method),
        1e-5,
        1e-7,
        None,
        "default",
        adjoint_norm(None, None, layout, seminorm=False),
        graph="always",
    )
    # Which outputs carry a cotangent, and the outcome, are read by the host: neither is there to be read.
    monkeypatch.setattr(
        "suite.gradients.replayed_reverse_adaptive._carries", lambda problem: [True, True, carries, True]
    )
    with torch.no_grad():
        if method == "rk4":
            assert replayed(_reverse(problem))
        else:
            with pytest.raises((RuntimeError, NotImplementedError)):
                replayed(_reverse(problem))
    assert watching.waits
    # A grid is read from the output times, which lie on the host.
    assert watching.waits == [float(method == "rk4")] * len(watching.waits)
    assert all(copies == [] for copies in watching.copies)
