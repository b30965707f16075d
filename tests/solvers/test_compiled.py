"""Steps compiled together with the vector field are the steps of the uncompiled method."""

from __future__ import annotations

import gc
import shutil
import weakref
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from suite.gradients import odeint_adjoint
from suite.solvers import CountedField, InvalidProblemError, Solution, compiled_kept, odeint, solve
from suite.solvers.lowering import addmm, mm, tanh
from suite.solvers.vector_field import VectorField

pytestmark = pytest.mark.skipif(
    not (shutil.which("g++") or shutil.which("clang++")), reason="compile=True needs a C++ compiler"
)

TIMES = torch.tensor([0.0, 1.0], dtype=torch.float64)
TOLERANCES: dict[str, Any] = {"rtol": 1e-7, "atol": 1e-9}


class Network(nn.Module):
    """A field that depends on time, state and parameters."""

    def __init__(self, dtype: torch.dtype = torch.float64) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Linear(2, 8, dtype=dtype), nn.Linear(8, 2, dtype=dtype)

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        derivative: Tensor = self.second(torch.tanh(self.first(y)) + torch.sin(t))
        return derivative


@pytest.fixture(scope="module")
def network() -> Network:
    return Network()


@pytest.fixture(scope="module")
def y0() -> Tensor:
    return torch.randn(3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def states(solution: Solution) -> Tensor:
    assert isinstance(solution.states, Tensor)
    return solution.states


def graphs(field: VectorField) -> int:
    return sum(function.graphs for function in compiled_kept.kept_for(field).functions.values())


def test_compiled_adaptive_solve_takes_the_same_steps_and_counts_as_the_uncompiled(
    network: Network, y0: Tensor
) -> None:
    with torch.no_grad():
        ours = solve(network, y0, TIMES, compile=True, **TOLERANCES)
        eager = solve(network, y0, TIMES, **TOLERANCES)
        assert graphs(network) == 2  # the search for the first step, and the step
        solve(network, y0 + 1, TIMES * 0.3, compile=True, rtol=1e-4, atol=1e-4)
        assert graphs(network) == 2  # neither state, times, sizes nor tolerances are part of them
    assert torch.allclose(states(ours), states(eager), rtol=1e-11, atol=1e-12)
    assert (ours.statistics.nfe, ours.statistics.accepted) == (eager.statistics.nfe, eager.statistics.accepted)
    assert ours.statistics.error_estimate == pytest.approx(eager.statistics.error_estimate, rel=1e-4)


def test_no_graph_breaks_and_one_graph_on_a_fixed_grid(network: Network, y0: Tensor) -> None:
    torch._dynamo.utils.counters.clear()
    before = graphs(network)
    with torch.no_grad():
        ours = solve(network, y0, TIMES, method="rk4", options={"step_size": 0.34}, compile=True)
        eager = solve(network, y0, TIMES, method="rk4", options={"step_size": 0.34})
    assert graphs(network) == before + 1
    assert not torch._dynamo.utils.counters["graph_break"]
    assert ours.statistics.nfe == eager.statistics.nfe == 12
    assert torch.allclose(states(ours), states(eager), rtol=1e-12)


def test_an_optimisers_step_is_seen_without_compiling_again(network: Network, y0: Tensor) -> None:
    with torch.no_grad():
        solve(network, y0, TIMES, compile=True, **TOLERANCES)
        before = graphs(network)
        network.first.weight.mul_(0.5)
        seen = odeint(network, y0, TIMES, compile=True, **TOLERANCES)
        network.second.weight = nn.Parameter(network.second.weight * 0.5)
        replaced = odeint(network, y0, TIMES, compile=True, **TOLERANCES)
        assert graphs(network) == before
        assert torch.allclose(replaced, odeint(network, y0, TIMES, **TOLERANCES), rtol=1e-10)
    assert not torch.allclose(seen, replaced, rtol=1e-6)


def test_gradients_through_compiled_steps_are_those_through_uncompiled_ones(network: Network, y0: Tensor) -> None:
    def gradients(compile: bool) -> tuple[Tensor, ...]:
        y = y0.clone().requires_grad_(True)
        outputs = odeint(network, y, TIMES, compile=compile, **TOLERANCES)
        return torch.autograd.grad(outputs[-1].square().sum(), [y, *network.parameters()])

    for ours, eager in zip(gradients(True), gradients(False), strict=True):
        assert torch.allclose(ours, eager, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("variant", ["default", "seminorm"])
def test_compiled_adjoint_gradients_are_those_of_the_uncompiled_adjoint(
    network: Network, y0: Tensor, variant: str
) -> None:
    def gradients(compile: bool) -> tuple[Tensor, ...]:
        y = y0.clone().requires_grad_(True)
        options = {"variant": variant}
        outputs = odeint_adjoint(network, y, TIMES, compile=compile, adjoint_options=options, **TOLERANCES)
        assert isinstance(outputs, Tensor)
        return torch.autograd.grad(outputs[-1].square().sum(), [y, *network.parameters()])

    for ours, eager in zip(gradients(True), gradients(False), strict=True):
        assert torch.allclose(ours, eager, rtol=1e-9, atol=1e-11)


def test_counters_around_the_field_count_the_evaluations_of_compiled_steps(network: Network, y0: Tensor) -> None:
    counted = CountedField(network)
    with torch.no_grad():
        statistics = solve(counted, y0, TIMES, compile=True, **TOLERANCES).statistics
    assert statistics.nfe <= counted.nfe <= statistics.nfe + 1  # the first compilation looks at the field once


def test_a_field_that_reads_the_initial_state_or_returns_its_argument(y0: Tensor) -> None:
    with torch.no_grad():
        towards = odeint(lambda t, y: y0 - 2 * y, y0, TIMES, compile=True, **TOLERANCES)
        assert torch.allclose(towards[-1], y0 * (1 + torch.exp(-2 * TIMES[-1])) / 2, rtol=1e-6)
        growing = odeint(lambda t, y: y, y0, TIMES, compile=True, **TOLERANCES)
        assert torch.allclose(growing[-1], y0 * torch.e, rtol=1e-6)


@pytest.mark.parametrize("method", ["dopri5", "rk4"])
def test_the_memory_layout_of_the_initial_state_does_not_matter(network: Network, y0: Tensor, method: str) -> None:
    with torch.no_grad():
        usual = odeint(network, y0, TIMES, method=method, compile=True, **TOLERANCES)
        transposed = odeint(network, y0.t().contiguous().t(), TIMES, method=method, compile=True, **TOLERANCES)
    assert isinstance(usual, Tensor)
    assert isinstance(transposed, Tensor)
    assert torch.equal(usual, transposed)


def test_interpolated_outputs_of_compiled_steps_are_those_of_uncompiled_ones(network: Network, y0: Tensor) -> None:
    times = torch.linspace(0, 1, 7, dtype=torch.float64)
    with torch.no_grad():
        ours, eager = (odeint(network, y0, times, compile=compile, **TOLERANCES) for compile in (True, False))
    assert torch.allclose(ours, eager, rtol=1e-11, atol=1e-12)


def test_tanh_is_within_six_units_in_the_last_place() -> None:
    x = torch.cat([torch.linspace(-12, 12, 100001), torch.logspace(-30, 0, 1000)])
    exact = torch.tanh(x.double())
    assert ((tanh(x).double() - exact).abs() <= 6 * 2.0**-23 * exact.abs().clamp(min=1e-37)).all()
    assert tanh(torch.tensor([torch.nan])).isnan().all()


@pytest.mark.parametrize("entries", [1, 2, 4])
def test_products_of_rows_with_few_entries_are_those_of_matrices(entries: int) -> None:
    x, weight, bias = torch.randn(5, entries), torch.randn(3, entries).t(), torch.randn(3)
    torch.testing.assert_close(mm(x, weight), x @ weight)
    torch.testing.assert_close(addmm(bias, x, weight), bias + x @ weight)
    assert mm(torch.randn(5, 5), torch.randn(5, 3)) is NotImplemented
    assert addmm(bias, x, weight, beta=2) is NotImplemented


def test_what_is_compiled_dies_with_its_field(y0: Tensor) -> None:
    field = Network()
    with torch.no_grad():
        solve(field, y0, TIMES, method="rk4", compile=True)
    assert graphs(field) == 1
    alive, kept = weakref.ref(field), weakref.ref(compiled_kept.kept_for(field))
    del field
    gc.collect()
    assert alive() is None
    assert kept() is None


def test_a_field_that_cannot_be_compiled_is_refused_in_one_sentence(y0: Tensor) -> None:
    def branching(t: Tensor, y: Tensor) -> Tensor:
        return y if float(y.sum()) > 0 else -y

    with torch.no_grad(), pytest.raises(InvalidProblemError, match="cannot be compiled into one graph"):
        solve(branching, y0, TIMES, compile=True)


def test_a_field_that_counts_in_an_attribute_is_refused_in_one_sentence(y0: Tensor) -> None:
    class Counting(nn.Module):
        count = 0

        def forward(self, t: Tensor, y: Tensor) -> Tensor:
            self.count += 1
            return -y

    field = Counting()

    def solve_often() -> None:
        for _ in range(4):
            solve(field, y0, TIMES, method="euler", compile=True)

    refused = pytest.raises(InvalidProblemError, match="CountedField")
    with torch.no_grad(), torch._dynamo.config.patch(recompile_limit=2), refused:
        solve_often()


def test_complex_states_and_implicit_methods_are_refused(network: Network, y0: Tensor) -> None:
    with pytest.raises(InvalidProblemError, match="real state"):
        solve(lambda t, y: 1j * y, y0.to(torch.complex128), TIMES, compile=True)
    with pytest.raises(InvalidProblemError, match="explicit Runge-Kutta"):
        solve(network, y0, TIMES, method="implicit_adams", compile=True)


def test_a_field_that_returns_another_shape_is_refused_in_its_own_words(y0: Tensor) -> None:
    with torch.no_grad(), pytest.raises(InvalidProblemError, match="the vector field returned"):
        solve(lambda t, y: y[:1], y0, TIMES, compile=True)
