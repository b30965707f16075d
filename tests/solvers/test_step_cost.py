"""What a step costs besides the vector field, counted: these numbers do not depend on the machine."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import torch
from torch import Tensor

import suite.solvers
from suite.harness.meters import host_syncs, operations
from suite.solvers import Statistics, explicit_methods, runge_kutta, solve

FIELD_OPERATIONS = 3


def field(t: Tensor, y: Tensor) -> Tensor:
    return torch.sin(3 * t) * y


def counts(span: float, method: str, *, grad: bool) -> tuple[float, float, Statistics]:
    """Return operations without the field's, host synchronisations, and the statistics."""
    y0 = torch.linspace(0.1, 2, 4, dtype=torch.float64, requires_grad=grad)
    t = torch.tensor([0.0, span], dtype=torch.float64)
    options = {"step_size": 0.1} if method == "rk4" else None
    with torch.set_grad_enabled(grad), operations() as work, host_syncs() as waits:
        statistics = solve(field, y0, t, method=method, rtol=1e-6, atol=1e-8, options=options).statistics
    return work.value - FIELD_OPERATIONS * statistics.nfe, waits.value, statistics


def test_the_field_of_these_tests_has_the_operations_it_is_charged_with() -> None:
    t, y = torch.zeros(()), torch.ones(4)
    with operations() as work:
        field(t, y)
    assert work.value == FIELD_OPERATIONS


@pytest.mark.parametrize(
    ("method", "grad", "allowed"),
    [("dopri5", False, 19), ("tsit5", False, 19), ("dopri5", True, 32), ("tsit5", True, 34)],
)
def test_adaptive_step_costs_so_many_operations_and_one_synchronisation(method: str, grad: bool, allowed: int) -> None:
    """Two operations a stage, and where autograd follows an addition for every term of a stage sum."""
    work, waits, statistics = counts(20.0, method, grad=grad)
    steps = statistics.accepted + statistics.rejected
    assert steps > 100
    assert work <= allowed * steps
    assert waits <= steps + 2
    # One more reads the output times, and one chooses the first step.
    assert statistics.host_syncs == steps + 2


@pytest.mark.parametrize("method", ["dopri5", "tsit5", "dopri8"])
def test_stages_summed_at_once_and_term_by_term_make_the_same_step(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken() -> tuple[Tensor, Tensor, Tensor]:
        y = torch.linspace(0.1, 2, 8, dtype=torch.float64).view(4, 2).t()
        stepper = runge_kutta.RungeKutta(explicit_methods()[method].tableau, y)
        with torch.no_grad():
            step = stepper.step(field, 0.3, 0.1, y, field(torch.tensor(0.3, dtype=torch.float64), y))
        return step.y1, step.local_error(None).clone(), step.local_error(3).clone()

    at_once = taken()
    monkeypatch.setattr(runge_kutta, "_FEW_ENTRIES", 0)
    for summed, term_by_term in zip(at_once, taken(), strict=True):
        assert torch.allclose(summed, term_by_term, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [0.1, -0.3])
def test_states_of_rk4_added_to_at_once_are_term_by_term_to_the_bit(
    dtype: torch.dtype, size: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken() -> list[Tensor]:
        y = torch.linspace(0.1, 2, 24, dtype=dtype).view(4, 2, 3).transpose(0, 1)
        stepper = runge_kutta.RungeKutta(explicit_methods()["rk4"].tableau, y)
        with torch.no_grad():
            return [step.y1 for step in stepper.walk(field, [0.3, 0.3 + size, 0.3 + 2 * size, 0.4 + 2 * size], y)]

    at_once = taken()
    monkeypatch.setattr(runge_kutta, "_FEW_ENTRIES", 0)
    for together, term_by_term in zip(at_once, taken(), strict=True):
        assert torch.equal(together, term_by_term)


def test_states_that_a_field_keeps_are_not_written_to() -> None:
    seen: list[tuple[Tensor, Tensor]] = []

    def keeping(t: Tensor, y: Tensor) -> Tensor:
        seen.append((y, y.clone()))
        return y  # the very tensor it was given

    t = torch.tensor([0.0, 1.0], dtype=torch.float64)
    with torch.no_grad():
        end = solve(keeping, torch.ones(2, dtype=torch.float64), t, method="rk4", options={"step_size": 0.1}).states
    assert all(torch.equal(kept, then) for kept, then in seen)
    assert isinstance(end, Tensor)
    assert float(end[-1][0]) == pytest.approx(torch.e, rel=1e-5)


@pytest.mark.parametrize(("grad", "operations"), [(False, 7), (True, 10)])
def test_rk4_step_costs_few_operations_and_never_waits(grad: bool, operations: int) -> None:
    """An addition and a copy a stage, and where autograd follows an addition for every term of a stage sum."""
    work, waits, statistics = counts(20.0, "rk4", grad=grad)
    assert statistics.accepted == 200
    # Steps of a tenth differ by rounding: each new size costs two operations more.
    assert operations * statistics.accepted <= work <= operations * statistics.accepted + 40
    assert waits == counts(2.0, "rk4", grad=grad)[1] <= 3


@pytest.mark.parametrize("outputs", [2, 200])
def test_outputs_cost_no_synchronisation(outputs: int) -> None:
    y0, t = torch.ones(4, dtype=torch.float64), torch.linspace(0, 20, outputs, dtype=torch.float64)
    with host_syncs() as waits:
        statistics = solve(field, y0, t, rtol=1e-6, atol=1e-8).statistics
    assert waits.value <= statistics.accepted + statistics.rejected + 2


@pytest.mark.parametrize(
    "module", ["adaptive", "adaptive_loop", "grid_loop", "runge_kutta", "step_control", "error_norm"]
)
def test_solver_loops_read_no_whole_tensor(module: str) -> None:
    """A read by ``tolist`` or ``numpy`` reaches no dispatcher on a CPU, and so escapes the counters above."""
    (folder,) = suite.solvers.__path__
    tree = ast.parse((Path(folder) / f"{module}.py").read_text(encoding="utf-8"))
    called = {
        node.func.attr for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert not called & {"tolist", "numpy", "item", "cpu"}


class Pair:
    """``dy/dt = -y`` with the quadrature ``dg/dt = y``; remembers at which stages it was to give the quadrature."""

    shapes = (torch.Size([1]), torch.Size([1]))

    def __init__(self) -> None:
        self.wanted: list[bool] = []

    def __call__(self, t: Tensor, y: Tensor) -> Tensor:
        return torch.cat(self.parts(t, y))

    def parts(self, t: Tensor, y: Tensor, *, quadratures: bool = True) -> list[Tensor]:
        self.wanted.append(quadratures)
        read = y[:1]
        return [-read, read] if quadratures else [-read]


def test_quadratures_are_evaluated_only_at_stages_that_have_a_weight() -> None:
    """Of dopri5's stages the second leads to others alone; the whole field is stepped for comparison."""
    tableau = explicit_methods()["dopri5"].tableau
    z, parted, whole = torch.tensor([1.0, 0.0], dtype=torch.float64), Pair(), Pair()
    with torch.no_grad():
        f0 = whole(torch.zeros(()), z)
        steps = [
            runge_kutta.RungeKutta(tableau, z, read=1).step(parted, 0.0, 0.1, z, f0),
            runge_kutta.RungeKutta(tableau, z).step(whole, 0.0, 0.1, z, f0),
        ]
        ours, theirs = ((step.y1, step.local_error(None), step.interpolate(0.03)) for step in steps)
    assert parted.wanted == [False, True, True, True, True, True]
    for one, other in zip(ours, theirs, strict=True):
        assert torch.allclose(one, other, rtol=1e-13, atol=1e-15)
