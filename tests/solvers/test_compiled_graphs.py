"""Compiled steps as recordings: what is replayed is compiled, and few kernels do the step control."""

from __future__ import annotations

import gc
import shutil
import weakref
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from suite import solve
from suite.gradients.adjoint_norm import adjoint_norm
from suite.gradients.continuous_adjoint import _reverse
from suite.gradients.replayed_reverse import replayed
from suite.gradients.reverse_problem import Reverse, ReverseProblem
from suite.solvers import compiled_kept
from suite.solvers.errors import InvalidProblemError
from suite.solvers.graphs import choice
from suite.solvers.methods import find
from suite.solvers.state import StateLayout
from suite.solvers.vector_field import CountedField, PackedField, VectorField
from tests.solvers.repeating_recorder import RepeatingRecorder

pytestmark = pytest.mark.skipif(
    not (shutil.which("g++") or shutil.which("clang++")), reason="compile=True needs a C++ compiler"
)

Y0 = torch.linspace(-1, 1, 8, dtype=torch.float64).view(4, 2)


class Network(nn.Module):
    """A perceptron that the time moves."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2)).double()
        self.shift = nn.Parameter(torch.zeros(2, dtype=torch.float64))

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        out: Tensor = self.net(y) + torch.sin(3 * t) + self.shift
        return out


@pytest.fixture(autouse=True)
def recorder(monkeypatch: pytest.MonkeyPatch) -> RepeatingRecorder:
    found = RepeatingRecorder()
    monkeypatch.setattr(choice, "recorder_for", lambda device: found)
    return found


def graphs(field: VectorField) -> int:
    return sum(function.graphs for function in compiled_kept.kept_for(field).functions.values())


def test_a_compiled_resident_solve_is_that_of_the_host(
    recorder: RepeatingRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One graph for the start and one for the step serve all solves.

    The step's kernels are two for each of six stages, what leads to it and the activation, and those of the control:
    uncompiled, it is some forty operations on single numbers alone, and ten on the state.
    """
    monkeypatch.setattr("suite.solvers.lowering._FEW_TERMS", 0)  # as on a GPU, where no product is part of a kernel
    field = Network()
    counted = CountedField(field)
    torch._dynamo.utils.counters.clear()
    with torch.no_grad():
        for outputs, rtol, shift in ((6, 1e-4, 0.0), (5, 1e-6, 0.0), (6, 1e-4, 0.3)):
            field.shift.add_(shift)
            t = torch.linspace(0, 3, outputs, dtype=torch.float64)
            given: dict[str, Any] = {"rtol": rtol, "atol": 1e-6}
            counted.reset()
            ours = solve(counted, Y0, t, compile=True, **given)
            assert ours.statistics.nfe == counted.nfe
            theirs = solve(field, Y0, t, graph="never", **given)
            assert torch.allclose(ours.states, theirs.states, rtol=1e-9, atol=1e-11)  # type: ignore[arg-type]
            assert ours.statistics.graph_replays > 0  # from the first solve on
            for name in ("nfe", "accepted", "rejected"):
                assert getattr(ours.statistics, name) == getattr(theirs.statistics, name)
    assert graphs(field) == 2
    assert recorder.captures == 2 * 2  # of either tolerance
    assert not torch._dynamo.utils.counters["graph_break"]
    assert recorder.kernels[1] <= 2 * 6 + 11
    alive, kept = weakref.ref(field), weakref.ref(compiled_kept.kept_for(field))
    del field, counted
    gc.collect()
    assert alive() is None
    assert kept() is None


def test_a_compiled_grid_gives_the_bits_of_the_hosts_compiled_steps(recorder: RepeatingRecorder) -> None:
    field = Network()
    t = torch.linspace(0, 1, 4, dtype=torch.float64)
    given: dict[str, Any] = {"method": "midpoint", "options": {"step_size": 0.1}, "compile": True}
    with torch.no_grad():
        stepped = solve(field, Y0, t, graph="never", **given)
        made = graphs(field)
        replays = [solve(field, Y0, t, graph="always", **given) for _ in range(2)]
    assert graphs(field) == made
    assert recorder.captures == 1
    for solution in replays:
        assert torch.equal(solution.states, stepped.states)  # type: ignore[arg-type]
        assert solution.statistics.graph_replays == 1
        assert solution.statistics.nfe == stepped.statistics.nfe
    alive = weakref.ref(field)
    del field
    gc.collect()
    assert alive() is None


def reverse_solve(field: nn.Module, **given: Any) -> Reverse:
    """Return the reverse solve of a loss over three of four outputs, far from any path, by Heun's method."""
    layout = StateLayout.of(Y0)
    generator = torch.Generator().manual_seed(0)
    states, cotangents = torch.randn(2, 4, 8, dtype=torch.float64, generator=generator).unbind()
    cotangents[2] = 0
    options = {"first_step": 0.05}
    way = find("adaptive_heun"), 1e-3, 1e-4, options, "default", adjoint_norm(None, None, layout, seminorm=False)
    t = torch.tensor([0.0, 0.3, 0.6, 1.0], dtype=torch.float64)
    packed = PackedField(field, layout)
    return _reverse(ReverseProblem(packed, tuple(field.parameters()), t, states, cotangents, *way, **given))  # type: ignore[arg-type]


def test_a_compiled_resident_reverse_solve_is_that_of_the_host() -> None:
    field = Network()
    with torch.no_grad():
        ours, theirs = reverse_solve(field, compile=True, graph="always"), reverse_solve(field)
        assert replayed(ours)
        theirs.run()
    assert graphs(field) == 2
    assert torch.allclose(ours.z, theirs.z, rtol=1e-9, atol=1e-11)
    found, expected = ours.problem.statistics, theirs.problem.statistics
    assert (found.accepted, found.rejected) == (expected.accepted, expected.rejected)
    assert found.graph_replays > 0


def test_what_cannot_be_compiled_is_left_to_the_host_with_a_reason() -> None:
    def branching(t: Tensor, y: Tensor) -> Tensor:
        return y if float(y.sum()) > 0 else -y

    t = torch.tensor([0.0, 1.0], dtype=torch.float64)
    with torch.no_grad():
        with pytest.raises(InvalidProblemError, match=r"graph='always' cannot record this solve: .* into one graph"):
            solve(branching, Y0, t, compile=True, graph="always")
        with pytest.raises(InvalidProblemError, match="compile=True measures no norm of the user's"):
            solve(Network(), Y0, t, compile=True, graph="always", options={"norm": lambda y: y.abs().max()})
        with pytest.raises(InvalidProblemError, match="the vector field returned"):
            solve(lambda t, y: y[:1], Y0, t, compile=True, graph="always")
