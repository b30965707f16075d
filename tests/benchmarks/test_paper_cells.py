"""Every registered experiment under pytest-benchmark: its record of the smoke run is read, or its cell is timed."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from suite.benchmarks import cases, paper_cells
from suite.declarations import DeviceClass
from suite.harness import code_digest, record_file, registry


@pytest.mark.parametrize("device", cases.DEVICES)
@pytest.mark.parametrize("identifier", paper_cells.identifiers())
def test_experiment(
    benchmark: BenchmarkFixture,
    identifier: str,
    device: DeviceClass,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    try:
        cell = paper_cells.cell_of(identifier, device)
    except cases.CaseUnavailableError as reason:
        pytest.skip(str(reason))
    benchmark.group = f"{identifier} on {device}"
    if device == "cpu" and not benchmark.enabled:
        code = code_digest.cell_code(cell, registry.experiments())
        record = record_file.record_path(request.getfixturevalue("smoke_records"), cell, code)
        seconds, headline = benchmark(paper_cells.read, record)
    else:
        outcome = benchmark.pedantic(paper_cells.measure, args=(identifier, device, tmp_path), rounds=1)
        benchmark.extra_info.update(peak_memory=outcome.peak_memory, headline=outcome.headline)
        seconds, headline = outcome.seconds, outcome.headline
    assert seconds > 0
    assert math.isfinite(headline)
