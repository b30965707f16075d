"""The benchmarks as airspeed-velocity calls them."""

from __future__ import annotations

import inspect
import math
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from suite.benchmarks import cases, paper_cells, papers, solvers
from suite.declarations import Cell
from suite.harness import code_digest, record_file, registry, runner
from suite.harness.interleaved import best_times

CLASSES: list[Any] = [
    entry
    for module in (solvers, papers)
    for name, entry in inspect.getmembers(module, inspect.isclass)
    if entry.__module__ == module.__name__ and not name.startswith("_")
]


def _tracked(entry: Any) -> list[str]:
    return [name for name in dir(entry) if name.startswith("track_")]


@pytest.mark.parametrize("entry", CLASSES, ids=lambda entry: entry.__name__)
def test_every_benchmark_names_its_axes_and_units(entry: Any) -> None:
    assert len(entry.params) == len(entry.param_names)
    assert all(getattr(entry, name).unit for name in _tracked(entry))
    assert _tracked(entry) or entry.time_call


@pytest.mark.parametrize(
    ("entry", "name"),
    [(entry, name) for entry in CLASSES if entry.__module__ == solvers.__name__ for name in _tracked(entry)],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_tracked_numbers_of_solvers(entry: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solvers, "best_times", partial(best_times, seconds=0.0, rounds=2, warm_up=1))
    chosen = {"library": "suite", "method": "dopri5", "device": "cpu", "size": cases.SIZES[0]}
    axes = [chosen.get(axis, values[0]) for axis, values in zip(entry.param_names, entry.params, strict=True)]
    benchmark = entry()
    benchmark.setup(*axes)
    value = getattr(benchmark, name)(*axes)
    # A CPU has no counter of its peak memory, and no events.
    assert math.isnan(value) if name in ("track_peak_memory", "track_device_time") else value >= 0


def test_one_run_of_a_cell_serves_all_three_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, smoke_records: Path
) -> None:
    runs = []

    def run_cell(cell: Cell, folder: Path) -> Path:
        runs.append(folder)
        return record_file.record_path(smoke_records, cell, code_digest.cell_code(cell, registry.experiments()))

    monkeypatch.setattr(runner, "run_cell", run_cell)
    monkeypatch.chdir(tmp_path)
    benchmark = papers.Experiments()
    folder = benchmark.setup_cache()
    values = []
    for name in _tracked(benchmark):
        benchmark.setup(folder, "chen2018/table1", "cpu")
        values.append(getattr(benchmark, name)(folder, "chen2018/table1", "cpu"))
    headline, peak_memory, seconds = values
    assert len(runs) == 1
    assert 0 <= headline <= 100
    assert peak_memory > 1e7
    assert seconds > 0


def test_a_failed_cell_fails_its_benchmark_with_the_error(tmp_path: Path) -> None:
    cell = paper_cells.cell_of("chen2018/table1", "cpu")
    record = runner.record_failure(cell, tmp_path, ValueError("the field is not finite"), 1.0, "0" * 64)
    with pytest.raises(RuntimeError, match="chen2018/table1 failed: the field is not finite"):
        paper_cells.read(record)
