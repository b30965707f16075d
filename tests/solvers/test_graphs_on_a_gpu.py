"""Recordings as CUDA graphs: the same numbers, and a host that does not wait."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from suite import odeint, odeint_adjoint, solve
from suite.gradients import Adjoint
from suite.solvers import METHODS, explicit_methods
from suite.solvers.errors import InvalidProblemError, StepLimitError

pytestmark = pytest.mark.gpu

ADAPTIVE = sorted(name for name, method in explicit_methods().items() if method.adaptive)
ON_A_GRID = sorted(name for name, method in METHODS.items() if method.replayable and not method.adaptive)


class Perceptron(nn.Module):
    """The 2-64-64-2 field of the speed comparisons."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 2))

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        out: Tensor = self.net(y)
        return out


@pytest.fixture
def field() -> Perceptron:
    torch.manual_seed(0)
    return Perceptron().cuda()


def start(batch: int = 128) -> Tensor:
    return torch.linspace(-1, 1, 2 * batch, device="cuda").view(batch, 2)


@contextmanager
def synchronisations() -> Iterator[list[str]]:
    """Collect what CUDA itself reports of operations that wait for the device."""
    found: list[str] = []
    torch.cuda.synchronize()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            yield found
        finally:
            torch.cuda.set_sync_debug_mode("default")
    found.extend(str(warning.message) for warning in caught if "synchroniz" in str(warning.message))


@pytest.mark.parametrize("method", ON_A_GRID)
@pytest.mark.parametrize("outputs", [2, 7])
def test_a_replayed_grid_gives_the_same_bits(field: Perceptron, method: str, outputs: int) -> None:
    t = torch.linspace(0, 1, outputs)
    given: dict[str, Any] = {"method": method, "options": {"step_size": 0.05}}
    with torch.no_grad():
        for scale in (1.0, 0.5, 1.0):
            stepped = solve(field, scale * start(), t, graph="never", **given)
            replayed = solve(field, scale * start(), t, graph="always", **given)
            assert replayed.statistics.graph_replays == 1
            assert isinstance(stepped.states, Tensor)
            assert isinstance(replayed.states, Tensor)
            assert torch.equal(stepped.states, replayed.states)


@pytest.mark.parametrize("method", ADAPTIVE)
def test_resident_steps_agree_with_the_host_to_the_tolerance(field: Perceptron, method: str) -> None:
    t = torch.linspace(0, 2, 2 if method == "dopri8" else 5)
    with torch.no_grad():
        stepped = solve(field, start(), t, method=method, rtol=1e-4, atol=1e-5, graph="never")
        for _ in range(2):
            replayed = solve(field, start(), t, method=method, rtol=1e-4, atol=1e-5, graph="always")
    assert isinstance(stepped.states, Tensor)
    assert isinstance(replayed.states, Tensor)
    assert (stepped.states - replayed.states).abs().max() < 1e-3
    assert replayed.statistics.graph_fallback == ""


def test_the_host_waits_at_most_every_fifth_step(field: Perceptron) -> None:
    t = torch.tensor([0.0, 20.0])
    with torch.no_grad():
        for _ in range(3):
            solve(field, start(), t, rtol=1e-5, atol=1e-7)
        with synchronisations() as waits:
            statistics = solve(field, start(), t, rtol=1e-5, atol=1e-7).statistics
    tried = statistics.accepted + statistics.rejected
    assert statistics.graph_fallback == ""
    assert tried >= 10
    assert len(waits) <= 0.2 * tried
    assert statistics.host_syncs <= 0.2 * tried + 1


@pytest.mark.usefixtures("loops")
@pytest.mark.parametrize("method", ADAPTIVE)
@pytest.mark.parametrize("outputs", [2, 5])
def test_steps_repeated_by_the_device_give_the_same_bits(field: Perceptron, method: str, outputs: int) -> None:
    t = torch.linspace(0, 2, 2 if method == "dopri8" else outputs)
    with torch.no_grad():
        for scale in (1.0, 0.5, 1.0):
            given: dict[str, Any] = {"method": method, "rtol": 1e-4, "atol": 1e-5}
            by_host = solve(field, scale * start(), t, graph="always", **given)
            by_device = solve(field, scale * start(), t, graph="loop", **given)
            assert isinstance(by_host.states, Tensor)
            assert isinstance(by_device.states, Tensor)
            assert torch.equal(by_host.states, by_device.states)
            ours, theirs = by_device.statistics, by_host.statistics
            assert (ours.accepted, ours.rejected, ours.nfe) == (theirs.accepted, theirs.rejected, theirs.nfe)
            assert (ours.graph_replays, ours.graph_fallback) == (2, "")


@pytest.mark.usefixtures("loops")
def test_the_host_waits_once_for_a_solve_that_the_device_repeats(field: Perceptron) -> None:
    with torch.no_grad():
        solve(field, start(), torch.tensor([0.0, 1.0]), rtol=1e-5, atol=1e-7, graph="loop")
        t = torch.tensor([0.0, 20.0])
        with synchronisations() as waits:
            statistics = solve(field, start(), t, rtol=1e-5, atol=1e-7, graph="loop").statistics
    assert statistics.accepted + statistics.rejected >= 10
    assert len(waits) == 1


@pytest.mark.usefixtures("loops")
def test_a_loop_that_comes_to_no_end_has_the_error_of_the_host(field: Perceptron) -> None:
    t, options = torch.tensor([0.0, 20.0]), {"max_num_steps": 3}
    with torch.no_grad():
        for graph in ("never", "loop", "loop"):
            with pytest.raises(StepLimitError):
                solve(field, start(), t, rtol=1e-5, atol=1e-7, options=options, graph=graph)
        # The device is as usable as before.
        assert solve(field, start(), t, rtol=1e-5, atol=1e-7, graph="loop").statistics.graph_replays == 2


@pytest.mark.usefixtures("loops")
def test_a_loop_draws_no_random_numbers() -> None:
    class Noisy(nn.Module):
        def forward(self, t: Tensor, y: Tensor) -> Tensor:
            return -y + 1e-3 * torch.randn_like(y)

    with torch.no_grad(), pytest.raises(InvalidProblemError, match="random numbers"):
        solve(Noisy(), start(), torch.tensor([0.0, 1.0]), graph="loop")


@pytest.mark.usefixtures("loops")
@pytest.mark.parametrize("outputs", [2, 4])
def test_gradients_of_reverse_steps_repeated_by_the_device_have_the_same_bits(field: Perceptron, outputs: int) -> None:
    def gradients(graph: Any) -> list[Tensor]:
        y0, t = start().requires_grad_(), torch.linspace(0, 1, outputs)
        solution = solve(field, y0, t, rtol=1e-5, atol=1e-6, gradient=Adjoint(), graph=graph)
        assert isinstance(solution.states, Tensor)
        found = torch.autograd.grad(solution.states[1:].square().sum(), [y0, *field.parameters()])
        assert solution.backward.graph_fallback == ""
        return list(found)

    for _ in range(2):
        for a, b in zip(gradients("always"), gradients("loop"), strict=True):
            assert torch.equal(a, b)


@pytest.mark.parametrize(("method", "options"), [("rk4", {"step_size": 0.05}), ("dopri5", None)])
def test_gradients_of_replayed_solves(field: Perceptron, method: str, options: dict[str, Any] | None) -> None:
    def gradients(graph: Any) -> list[Tensor]:
        y0 = start().requires_grad_()
        t = torch.linspace(0, 1, 3)
        way = Adjoint(options=options)
        solution = solve(field, y0, t, method=method, rtol=1e-5, atol=1e-6, options=options, gradient=way, graph=graph)
        assert isinstance(solution.states, Tensor)
        found = torch.autograd.grad(solution.states[1:].square().sum(), [y0, *field.parameters()])
        assert solution.backward.graph_replays > 0 or graph == "never"
        return list(found)

    expected = gradients("never")
    for _ in range(2):
        for a, b in zip(expected, gradients("always"), strict=True):
            assert torch.equal(a, b) if method == "rk4" else torch.allclose(a, b, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("method", "options"), [("rk4", {"step_size": 0.05}), ("dopri5", None)])
def test_compiled_steps_are_replayed_forwards_and_in_the_adjoint(
    field: Perceptron, method: str, options: dict[str, Any] | None
) -> None:
    def gradients(graph: Any, *, compiled: bool) -> list[Tensor]:
        y0, t, way = start().requires_grad_(), torch.linspace(0, 1, 4), Adjoint(options=options)
        given: dict[str, Any] = {"method": method, "rtol": 1e-5, "atol": 1e-6, "options": options, "gradient": way}
        solution = solve(field, y0, t, compile=compiled, graph=graph, **given)
        assert isinstance(solution.states, Tensor)
        found = torch.autograd.grad(solution.states[1:].square().sum(), [y0, *field.parameters()])
        for statistics in (solution.statistics, solution.backward):
            assert statistics.graph_replays > 0 or graph == "never"
        return [solution.states.detach(), *found]

    same_steps = gradients("never", compiled=method == "rk4")
    for _ in range(2):
        for a, b in zip(same_steps, gradients("always", compiled=True), strict=True):
            assert torch.equal(a, b) if method == "rk4" else torch.allclose(a, b, rtol=1e-3, atol=1e-3)


def test_a_trained_field_is_followed(field: Perceptron) -> None:
    optimiser = torch.optim.Adam(field.parameters(), lr=1e-2)
    t = torch.tensor([0.0, 1.0])
    for _ in range(5):
        loss = odeint_adjoint(field, start(), t, rtol=1e-4, atol=1e-5)[-1].square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            replayed = odeint(field, start(), t, rtol=1e-4, atol=1e-5, graph="always")
            stepped = odeint(field, start(), t, rtol=1e-4, atol=1e-5, graph="never")
        assert (replayed[-1] - stepped[-1]).abs().max() < 1e-3


def test_a_field_that_reads_from_the_device_is_stepped_by_the_host(field: Perceptron) -> None:
    class Reading(Perceptron):
        def forward(self, t: Tensor, y: Tensor) -> Tensor:
            return super().forward(t, y) if float(t) < 10 else y

    torch.manual_seed(0)
    reading = Reading().cuda()
    t = torch.tensor([0.0, 1.0])
    with torch.no_grad():
        for _ in range(3):
            statistics = solve(reading, start(), t).statistics
        assert "cannot be captured" in statistics.graph_fallback
        # The device is as usable as before.
        assert solve(field, start(), t, graph="always").statistics.graph_replays > 0


def test_peak_memory_of_the_adjoint_is_flat_in_the_steps(field: Perceptron) -> None:
    def peak(steps: int) -> int:
        y0 = start(4096).requires_grad_()
        options = {"step_size": 1 / steps}

        def run() -> None:
            states = odeint_adjoint(field, y0, torch.tensor([0.0, 1.0]), method="rk4", options=options, graph="never")
            states[-1].sum().backward()

        run()
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        level = torch.cuda.memory_allocated()
        run()
        return torch.cuda.max_memory_allocated() - level

    assert peak(1000) <= 1.02 * peak(10)


def test_an_outer_capture_takes_a_solve_into_itself(field: Perceptron) -> None:
    y0, t = start(), torch.tensor([0.0, 1.0])
    options = {"step_size": 0.1}
    end: list[Tensor] = []

    def work() -> None:
        with torch.no_grad():
            end.append(odeint(field, y0, t, method="rk4", options=options)[-1])

    graph = captured(work)
    graph()
    with torch.no_grad():
        expected = odeint(field, y0, t, method="rk4", options=options, graph="never")[-1]
    assert torch.equal(end[-1], expected)


def captured(work: Callable[[], None]) -> Callable[[], None]:
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        work()
    torch.cuda.current_stream().wait_stream(stream)
    graph: Any = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    replay: Callable[[], None] = graph.replay
    return replay
