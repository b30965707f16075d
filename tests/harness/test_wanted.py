"""What a run without time for everything takes first, and how long it expects that to take."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from suite.declarations import Cell
from suite.harness import wanted
from suite.harness.code_digest import cell_code
from suite.harness.estimates import Estimate, PaperCosts, estimates, paper_costs
from suite.harness.interrupted import checkpoint_path, note_lost
from suite.harness.plan import needed_cells
from suite.harness.record_file import cell_header, record_path, write_record
from suite.harness.registry import experiments
from suite.harness.timed_run import Place, TimedRun, duration
from suite.harness.wanted import most_wanted_first
from tests.harness.tiny_cells import MakeCell

TINY = ("tiny_experiments",)


def test_every_experiment_with_a_paper_profile_has_a_cost() -> None:
    registered = experiments()
    costs = paper_costs()
    known = {key.partition(" ")[0] for key in costs.seconds}
    assert known == {name for name, entry in registered.items() if "paper" in entry.profiles}
    for key in (*costs.seconds, *costs.first, *costs.last):
        name, _, variant = key.partition(" ")
        assert name in registered
        assert not variant or variant in registered[name].variants
    assert all(seconds > 0 for seconds in costs.seconds.values())


def test_the_table_knows_variants_before_experiments(make_cell: MakeCell) -> None:
    costs = PaperCosts(("tiny/slow", "tiny/using"), ("tiny/slow b",), {"tiny/slow": 1, "tiny/slow a": 2})
    cells = [make_cell("tiny/slow", "a"), make_cell("tiny/slow", "b"), make_cell("tiny/drawing", "a")]
    assert [costs.of(cell) for cell in cells] == [2, 1, None]
    assert [costs.rank(cell) for cell in cells] == [-2, 1, 0]


def write(folder: Path, cell: Cell, header: Mapping[str, Any], code: str, **changes: Any) -> None:
    write_record(
        record_path(folder, cell, code), copy.deepcopy(dict(header)) | {"cell": cell_header(cell)} | changes, []
    )


def test_the_newest_finished_record_of_any_machine_counts(
    make_cell: MakeCell, header: Mapping[str, Any], tmp_path: Path
) -> None:
    cell, other = make_cell("tiny/slow", "a"), make_cell("tiny/slow", "b")
    kept = tmp_path / "kept"
    failed = {"status": "failed", "error": {"type": "A", "message": "b", "traceback": ""}}
    write(tmp_path / "records", cell, header, "a" * 64, seconds=7)
    write(kept / "h200", make_cell("tiny/slow", "a", 1), header, "b" * 64, start="2025-03-01T00:00:00+00:00", seconds=8)
    write(kept / "h200", cell, header, "c" * 64, start="2025-04-01T00:00:00+00:00", seconds=9, **failed)
    (kept / "h200" / "tiny" / "slow" / "a-smoke-cpu-s9.jsonl").write_text("cut off")
    found = estimates([cell, other], [tmp_path / "records", kept, tmp_path / "absent"])
    assert found == {cell.key: Estimate(8, "record"), other.key: Estimate(float("inf"), "unknown")}


def test_the_table_is_for_the_paper_profile(make_cell: MakeCell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suite.harness.estimates.paper_costs", lambda: PaperCosts((), (), {"tiny/slow": 5}))
    cell = make_cell("tiny/slow", "a")
    paper = replace(cell, profile="paper")
    assert estimates([cell, paper], []) == {
        cell.key: Estimate(float("inf"), "unknown"),
        paper.key: Estimate(5, "table"),
    }


def test_the_order_of_cells(make_cell: MakeCell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wanted, "paper_costs", lambda: PaperCosts(("tiny/drawing",), ("tiny/slow f",), {}))
    registered = experiments(TINY)
    slow = {name: make_cell("tiny/slow", name) for name in "abcdef"}
    drawing, using, line = (
        make_cell("tiny/drawing", "a"),
        make_cell("tiny/using", "declared"),
        make_cell("tiny/training", "line"),
    )
    cells = [*slow.values(), line, using, drawing]
    seconds = dict.fromkeys((cell.key for cell in cells), 10.0)
    seconds[slow["e"].key], seconds[using.key], seconds[line.key] = 5.0, 1.0, 100.0
    note_lost(tmp_path, slow["b"].key, cell_code(slow["b"], registered), 59)
    note_lost(tmp_path, slow["e"].key, cell_code(slow["e"], registered), 20)
    checkpoint_path(tmp_path, slow["c"].key, cell_code(slow["c"], registered)).write_bytes(b"")
    ordered = most_wanted_first(
        cells,
        60,
        {key: Estimate(each, "table") for key, each in seconds.items()},
        {slow["a"].key},
        tmp_path,
        registered,
        lambda cell: needed_cells(cell, packages=TINY),
    )
    # Interrupted, wanted by the table, short after what it needs, others, wanted last, in vain, failed.
    assert ordered == [slow["c"], drawing, line, using, slow["e"], slow["d"], slow["f"], slow["b"], slow["a"]]


def test_cells_that_cannot_end_in_the_time_come_last_unless_they_can_be_interrupted(
    make_cell: MakeCell, tmp_path: Path
) -> None:
    waits, learns, unknown, short = (
        make_cell("tiny/slow", "a"),
        make_cell("tiny/learning", "trains"),
        make_cell("tiny/drawing", "b"),
        make_cell("tiny/drawing", "a"),
    )
    estimated = {
        waits.key: Estimate(61, "table"),
        learns.key: Estimate(100, "table"),
        unknown.key: Estimate(float("inf"), "unknown"),
        short.key: Estimate(59, "table"),
    }
    cells = [waits, learns, unknown, short]
    ordered = most_wanted_first(cells, 60, estimated, set(), tmp_path, experiments(TINY), lambda cell: [])
    assert ordered == [short, learns, unknown, waits]


TRAINING = [
    *(f"chen2018/{name}" for name in ("fig3", "fig4", "fig5", "fig7", "section6", "table1", "table2", "time-series")),
    *(f"poli2020/{name}" for name in ("alpha-family", "cifar10", "fig1", "lorenz", "mnist", "theorem1", "tracking")),
    "crosscheck/pareto",
]


def test_experiments_that_train_can_be_interrupted_and_others_cannot() -> None:
    registered = experiments()
    seen = {name for name, each in registered.items() if wanted._can_be_interrupted(type(each).__module__)}
    assert seen >= set(TRAINING)
    assert not seen & {"chen2018/theorem1", "massaroli2020/theorems", "crosscheck/speed", "crosscheck/memory"}


def test_side_by_side_cells_that_run_alone_stay_together(make_cell: MakeCell, tmp_path: Path) -> None:
    names = ("fits", "measures", "fits-too")
    cells = [replace(make_cell("tiny/sharing", name), device="cuda") for name in names]
    estimated = {cell.key: Estimate(float(number), "record") for number, cell in enumerate(cells)}

    def variants(*, alone_last: bool) -> list[str]:
        registered = experiments(TINY)
        ordered = most_wanted_first(
            cells, 60, estimated, set(), tmp_path, registered, lambda cell: [], alone_last=alone_last
        )
        return [cell.variant for cell in ordered]

    assert variants(alone_last=False) == ["fits", "measures", "fits-too"]
    assert variants(alone_last=True) == ["fits", "fits-too", "measures"]


def test_what_is_expected_is_told(make_cell: MakeCell, header: Mapping[str, Any], tmp_path: Path) -> None:
    cells = [make_cell("tiny/slow", name) for name in "abc"]
    for cell, seconds in zip(cells, (50, 30), strict=False):
        write(tmp_path, cell, header, "a" * 64, seconds=seconds)
    run = TimedRun(Place(tmp_path, (), None, TINY), 60, 1, cells)
    assert [cell.variant for cell in run.pending] == ["b", "a", "c"]
    assert run.expectation() == (
        "Estimated: 80 s for 2 cells (2 from earlier records), and nothing is known of 1 more; 1 of them, 30 s, fit "
        "into 60 s."
    )
    assert TimedRun(Place(tmp_path, (), None, TINY), 60, 2, cells[2:]).expectation() == (
        "Estimated: nothing is known of 1 cell that is to run."
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0312, "0.031 s"), (12.34, "12 s"), (119, "119 s"), (150, "2.5 min"), (5400, "90 min"), (9000, "2.5 h")],
)
def test_times_in_words(seconds: float, text: str) -> None:
    assert duration(seconds) == text
