"""The solver cases under pytest-benchmark: run once as tests, timed under ``--benchmark`` or ``--benchmark-only``."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from suite import odeint
from suite.benchmarks import cases, counts, problems
from suite.harness.interleaved import best_times
from suite.solvers.graphs.choice import GraphChoice


def _name(case: cases.Case) -> str:
    return f"{case.work}-{case.method}-{case.device}-{case.batch}-{case.library}"


@pytest.mark.parametrize("case", list(cases.every_case()), ids=_name)
def test_solver_case(benchmark: BenchmarkFixture, case: cases.Case) -> None:
    try:
        prepared = cases.prepare(case)
    except cases.CaseUnavailableError as reason:
        pytest.skip(str(reason))
    benchmark.group = case.group
    if benchmark.enabled:
        benchmark.extra_info["nfe"] = counts.evaluations(case)
        if case.device == "cuda":
            benchmark.extra_info["device_seconds"] = prepared.device_seconds()
    assert benchmark(prepared.run).isfinite().all()


def test_a_gpu_is_measured_at_the_batches_that_are_judged_on_it_and_a_cpu_at_its_own() -> None:
    batches = {device: {case.batch for case in cases.every_case() if case.device == device} for device in cases.DEVICES}
    assert batches == {"cpu": {16, 512}, "cuda": {128, 65536}}


def test_a_case_that_was_solved_before_counts_the_evaluations_of_its_first_call() -> None:
    case = cases.Case("forward", "suite", "rk4", "cpu", 16)
    cases.prepare(case).field.register_forward_pre_hook(lambda *_: pytest.fail("evaluated the field of another solve"))
    try:
        assert counts.evaluations(case) == 256
    finally:
        cases.prepare.cache_clear()


@pytest.mark.gpu
def test_on_a_gpu_the_device_is_done_before_the_host_knows() -> None:
    prepared = cases.prepare(cases.Case("forward", "suite", "rk4", "cuda", 65536))
    ours = prepared.device_seconds()
    (waited,) = best_times(prepared.run, seconds=0.0, rounds=10)
    assert 0 < ours <= waited


@pytest.mark.gpu
@pytest.mark.usefixtures("loops")
@pytest.mark.parametrize("batch", cases.BATCHES["cuda"].values())
@pytest.mark.parametrize("graph", ["always", "loop"])
def test_adaptive_steps_in_bursts_and_in_a_loop(benchmark: BenchmarkFixture, graph: GraphChoice, batch: int) -> None:
    field, y0 = problems.TanhField().cuda().double(), problems.initial_state(batch, "cuda").double()
    t = torch.tensor([0.0, problems.SPAN])

    def run() -> Any:
        with torch.no_grad():
            states = odeint(field, y0, t, rtol=cases.TOLERANCE, atol=cases.TOLERANCE / 100, graph=graph)
        torch.cuda.synchronize()
        return states

    run()  # which records
    benchmark.group = f"adaptive steps on cuda, batch {batch}"
    assert benchmark(run).isfinite().all()


@pytest.mark.parametrize("work", ["forward", "adjoint"])
@pytest.mark.parametrize("method", cases.METHODS)
@pytest.mark.parametrize("library", cases.LIBRARIES)
def test_result_agrees_with_the_matrix_exponential(work: str, library: str, method: str) -> None:
    case = cases.Case(work, library, method, "cpu", 16)
    assert 1e-13 < cases.error(case) < 2e-5


@pytest.mark.parametrize("library", cases.LIBRARIES)
def test_rk4_costs_four_evaluations_a_step(library: str) -> None:
    # A span of 4 in steps of 1/16 is 64 steps.
    assert counts.evaluations(cases.Case("forward", library, "rk4", "cpu", 16)) == 256


def test_our_adaptive_step_waits_at_most_once_and_needs_at_most_thirty_operations() -> None:
    case = cases.Case("forward", "suite", "dopri5", "cpu", 16)
    assert counts.host_syncs_per_step(case) <= 1
    assert counts.operations_per_step(case) <= 30


def test_a_training_step_keeps_bytes_that_grow_with_the_batch() -> None:
    small, large = (counts.saved_bytes(cases.Case("training", "suite", "rk4", "cpu", batch)) for batch in (16, 512))
    # Every saved state and activation has a row for each sample; weights are not counted.
    assert large == pytest.approx(32 * small, rel=0.02)


def test_unknown_library_and_missing_device_are_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(cases.CaseUnavailableError, match="no library is registered as 'nonesuch'"):
        cases.prepare(cases.Case("forward", "nonesuch", "rk4", "cpu", 16))
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(cases.CaseUnavailableError, match="no CUDA device"):
        cases.prepare(cases.Case("forward", "suite", "rk4", "cuda", 16))
