"""The solver cases under pytest-benchmark: run once as tests, timed under ``--benchmark`` or ``--benchmark-only``."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from suite.benchmarks import cases, counts


def _name(case: cases.Case) -> str:
    return f"{case.work}-{case.method}-{case.device}-{case.batch}-{case.library}"


@pytest.mark.parametrize("case", list(cases.every_case()), ids=_name)
def test_solver_case(benchmark: BenchmarkFixture, case: cases.Case) -> None:
    try:
        run = cases.prepare(case).run
    except cases.CaseUnavailableError as reason:
        pytest.skip(str(reason))
    benchmark.group = case.group
    if benchmark.enabled:
        benchmark.extra_info["nfe"] = counts.evaluations(case)
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
