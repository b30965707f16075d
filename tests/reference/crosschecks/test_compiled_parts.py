"""The parts of a compiled step add up, and its kernels and products are those of its stages and layers."""

from __future__ import annotations

import shutil
import time
from importlib.util import find_spec
from typing import Any

import pytest
import torch

from reference.crosschecks.compiled_calls import matrices, of_unit_gain, step_calls
from reference.crosschecks.compiled_code import CodeCounts, compiled_code
from reference.crosschecks.compiled_parts import SolveTimes, busy_cores, our_parts, record_parts, their_parts
from reference.crosschecks.contenders import Solve
from reference.crosschecks.perceptron_field import PerceptronField
from reference.libraries.diffrax import Diffrax
from reference.libraries.suite import CompiledSuite
from suite.declarations import Library
from suite.solvers.compiled_kept import kept_for

needs_compiler = pytest.mark.skipif(
    not (shutil.which("g++") or shutil.which("clang++")), reason="compile=True needs a C++ compiler"
)
LAYERS = 2
CODE = """
extern "C"  void  cpp_fused_add_0(const float* in_ptr0);
extern "C"  void  cpp_fused_tanh_1(float* in_out_ptr0);
    cpp_fused_add_0((const float*)(arg0_1.data_ptr()));
    AOTI_TORCH_ERROR_CODE_CHECK(aoti_torch_cpu_mm_out(buf1, buf0, arg3_1));
    cpp_fused_tanh_1((float*)(buf2.data_ptr()));
    AOTI_TORCH_ERROR_CODE_CHECK(aoti_torch_cpu_addmm_out(buf3, buf2, arg5_1));
    cpp_fused_tanh_1((float*)(buf4.data_ptr()));
extern "C"  void  cpp_fused_add_0(const float* in_ptr0)
{
"""
TIMES = SolveTimes(seconds=1.0, steps=10, shorter_seconds=0.52, shorter_steps=4)


class Rows:
    """A meter that keeps the rows of a CPU."""

    device = torch.device("cpu")

    def __init__(self) -> None:
        self.rows: dict[tuple[str, ...], float] = {}

    def record(self, metric: str, value: float, unit: str, **axes: Any) -> None:
        assert (axes["batch"], unit) == (4, "s" if metric == "step_seconds" else "1")
        self.rows[(metric, axes["library"], *([axes["part"]] if "part" in axes else []))] = value

    def parts(self, library: str) -> dict[str, float]:
        """Return the seconds of every part of a library's step."""
        return {key[2]: value for key, value in self.rows.items() if key[:2] == ("step_seconds", library)}


def test_a_further_step_is_the_difference_of_two_solves_over_their_steps() -> None:
    assert pytest.approx(0.1) == TIMES.whole
    assert pytest.approx(0.08) == TIMES.further


def test_parts_of_a_step_add_up_to_it() -> None:
    parts = our_parts(TIMES, call=0.05, products=0.03, entry=0.01)
    assert parts == pytest.approx(
        {"whole": 0.1, "start": 0.02, "host": 0.03, "call": 0.05, "entry": 0.01, "kernels": 0.02, "products": 0.02}
    )
    theirs = their_parts(TIMES, products=0.03)
    assert theirs == pytest.approx({"whole": 0.1, "start": 0.02, "around": 0.05, "products": 0.03})


def test_a_part_that_is_below_zero_stays_so() -> None:
    parts = our_parts(TIMES, call=0.09, products=0.1, entry=0.01)
    assert parts["host"] == pytest.approx(-0.01)
    assert parts["kernels"] == pytest.approx(-0.01)
    assert their_parts(TIMES, products=0.1)["around"] == pytest.approx(-0.02)


def test_calls_are_counted_in_the_code_and_declarations_are_not() -> None:
    assert CodeCounts.of(CODE) == CodeCounts(kernels=3, products=2)
    assert CodeCounts.largest(["", CODE, "  cpp_fused_add_0(a);\n" * 9]) == CodeCounts(kernels=3, products=2)


def test_products_upon_products_neither_vanish_nor_grow() -> None:
    field = PerceptronField((3, 8, 5, 3), torch.Generator().manual_seed(0))
    first, second, third = (matrix.detach().double() for matrix in matrices(of_unit_gain(field)))
    radius = torch.linalg.eigvals(third @ second @ first).abs().max().item()
    assert radius == pytest.approx(1.0, rel=1e-5)
    assert [tuple(matrix.shape) for matrix in matrices(field)] == [(8, 3), (5, 8), (3, 5)]


def test_a_function_that_waits_keeps_no_core_busy_and_one_that_works_keeps_some() -> None:
    assert busy_cores(lambda: time.sleep(0.02), 0.0) < 0.5
    assert busy_cores(lambda: sum(range(100_000)), 0.0) > 0


@pytest.fixture(scope="module")
def solve() -> Solve:
    # bosh3 makes three evaluations a step, as its last stage is the first of the next.
    # No layer reads so few entries that its product becomes part of a kernel.
    field = PerceptronField((6, 5, 6), torch.Generator().manual_seed(0))
    y0 = torch.randn(4, 6, generator=torch.Generator().manual_seed(1))
    arguments: dict[str, Any] = {"method": "bosh3", "rtol": 1e-5, "atol": 1e-5}
    return Solve(field, y0, torch.tensor([0.0, 8.0]), arguments)


@pytest.fixture(scope="module")
def codes(solve: Solve) -> list[str]:
    """Compile the solve and return the code of its graphs."""
    with compiled_code() as found:
        solve.run(CompiledSuite())()
    return found


@needs_compiler
def test_one_step_has_a_product_for_every_layer_of_every_stage(solve: Solve, codes: list[str]) -> None:
    able: list[Library] = [CompiledSuite(), *([Diffrax()] if find_spec("diffrax") else [])]
    meter: Any = Rows()
    record_parts(solve, able, codes, 0.0, meter, {"batch": 4})
    ours, theirs = meter.parts("suite-compiled"), meter.parts("diffrax")
    assert meter.rows["step_products", "suite-compiled"] == 3 * LAYERS
    # For every stage at least its state and one hidden layer.
    assert meter.rows["step_kernels", "suite-compiled"] >= 3 * LAYERS
    assert ours["whole"] == pytest.approx(sum(ours[part] for part in ("start", "host", "entry", "kernels", "products")))
    assert ours["call"] == pytest.approx(sum(ours[part] for part in ("entry", "kernels", "products")))
    assert bool(theirs) == (len(able) > 1)
    if theirs:
        assert theirs["whole"] == pytest.approx(sum(theirs[part] for part in ("start", "around", "products")))


@needs_compiler
def test_what_is_timed_beside_the_step_has_its_products_and_nothing_of_its_own_counted(
    solve: Solve, codes: list[str]
) -> None:
    graphs = len(kept_for(solve.field).functions)
    with compiled_code() as found:
        calls = step_calls(solve, 3, 0.5)
    products, entry = (CodeCounts.of(code) for code in found)
    assert products.products == CodeCounts.largest(codes).products
    assert (entry.products, entry.kernels) == (0, 1)
    assert products.kernels == entry.kernels
    assert calls.steps == 1
    # The step itself is the one that the solve has compiled.
    assert len(kept_for(solve.field).functions) == graphs
