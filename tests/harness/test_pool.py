"""A pool of processes: one that dies takes its own cell with it, and nothing else."""

from __future__ import annotations

from pathlib import Path

from suite.declarations import Cell
from suite.harness.executors.pool import cores, run_in_pool
from suite.harness.observer import Ending, SilentObserver
from suite.harness.plan import plan
from suite.harness.records import load
from tests.harness.tiny_cells import MakeCell


class Endings(SilentObserver):
    def __init__(self) -> None:
        self.by_variant: dict[str, Ending] = {}

    def ended(self, cell: Cell, ending: Ending) -> None:
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
