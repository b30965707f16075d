"""A pool of processes: one that dies takes its own cell with it, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from suite.declarations import Cell
from suite.harness.executors import pool
from suite.harness.executors.pool import cores, run_in_pool
from suite.harness.observer import Ending, SilentObserver
from suite.harness.plan import plan
from suite.harness.records import load
from tests.harness.tiny_cells import MakeCell


class Endings(SilentObserver):
    def __init__(self) -> None:
        self.by_variant: dict[str, Ending] = {}
        self.started_variants: list[str] = []

    def started(self, cell: Cell) -> None:
        self.started_variants.append(cell.variant)

    def ended(self, cell: Cell, ending: Ending) -> None:
        assert cell.variant not in self.by_variant
        self.by_variant[cell.variant] = ending


def test_a_dying_worker_is_a_failed_record_and_the_others_go_on(packages: tuple[str, ...], tmp_path: Path) -> None:
    cells = plan(["tiny/deaths"], "smoke", "cpu", packages=packages)
    endings = Endings()
    run_in_pool(cells, tmp_path, None, endings, 2, packages=packages)
    records = load(tmp_path).cells.set_index("variant")
    assert records["status"].to_dict() == {
        "exits": "failed",
        "is-killed": "failed",
        "lives": "finished",
        "lives-too": "finished",
    }
    assert "exit code 3" in records["error"]["exits"]
    assert "signal SIGKILL" in records["error"]["is-killed"]
    assert {variant: ending.status for variant, ending in endings.by_variant.items()} == records["status"].to_dict()


def test_needed_cells_run_before_and_once(packages: tuple[str, ...], tmp_path: Path, make_cell: MakeCell) -> None:
    cells = plan(["tiny/using"], "smoke", "cpu", packages=packages)
    cells = [cell for cell in cells if cell.variant in ("line", "declared", "undeclared")]
    endings = Endings()
    run_in_pool(cells, tmp_path, None, endings, 2, packages=packages)
    assert {variant: ending.status for variant, ending in endings.by_variant.items()} == {
        "line": "finished",
        "declared": "finished",
        "undeclared": "failed",
    }
    records = load(tmp_path).cells
    start = records.set_index("variant")["start"]
    assert start["line"] < start["declared"]
    assert set(records["threads"]) == {max(1, cores() // 2)}


def sharing(packages: tuple[str, ...], ledger: Path) -> list[Cell]:
    return plan(["tiny/sharing"], "smoke", "cpu", overrides={"ledger": str(ledger)}, packages=packages)


def runs(ledger: Path) -> list[tuple[str, float, float]]:
    """Return variant, begin and end of every run, by their ends."""
    lines = (line.split() for line in ledger.read_text().splitlines())
    return [(variant, float(begin), float(end)) for variant, begin, end in lines]


def test_on_a_shared_device_what_was_out_of_memory_runs_once_more_alone(
    packages: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_on_a_shared_device", lambda cell: True)
    ledger, endings = tmp_path / "ledger", Endings()
    run_in_pool(sharing(packages, ledger), tmp_path, None, endings, 2, packages=packages)
    assert {variant: ending.status for variant, ending in endings.by_variant.items()} == {
        "fits": "finished",
        "fits-too": "finished",
        "measures": "finished",
        "too-large": "finished",
        "much-too-large": "failed",
    }
    assert sorted(endings.started_variants) == sorted(endings.by_variant)
    loaded = load(tmp_path)
    errors = loaded.cells.set_index("variant")["error"]
    assert errors["much-too-large"].startswith("OutOfMemoryError: the device has not the memory that the cell needs")
    assert loaded.rows.set_index("variant")["value"].to_dict() == {
        "fits": 1, "fits-too": 1, "measures": 1, "too-large": 2,
    }  # fmt: skip
    done = runs(ledger)
    assert {variant for variant, _, _ in done[-2:]} == {"too-large", "much-too-large"}
    for index in (next(index for index, run in enumerate(done) if run[0] == "measures"), -2, -1):
        _, begin, end = done[index]
        others = [run for run in done if run != done[index]]
        assert all(other_end <= begin or end <= other_begin for _, other_begin, other_end in others)


def test_on_a_cpu_nothing_is_alone_and_nothing_runs_twice(packages: tuple[str, ...], tmp_path: Path) -> None:
    ledger, endings = tmp_path / "ledger", Endings()
    run_in_pool(sharing(packages, ledger), tmp_path, None, endings, 2, packages=packages)
    assert sorted(variant for variant, _, _ in runs(ledger)) == sorted(endings.by_variant)
    assert endings.by_variant["too-large"].status == "failed"
