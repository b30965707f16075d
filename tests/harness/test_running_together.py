"""Cells of several seeds as one batched model: each record is that of its cell run alone, whatever befalls another."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from suite.__main__ import main
from suite.declarations import Cell
from suite.harness.code_digest import cell_code
from suite.harness.deadline import Deadline, TimeUp
from suite.harness.executors.local import run_locally
from suite.harness.executors.pool import run_in_pool
from suite.harness.grouping import Together, grouped
from suite.harness.interrupted import began_alone, checkpoint_path, reached
from suite.harness.observer import Ending, SilentObserver
from suite.harness.plan import plan
from suite.harness.record_file import record_files
from suite.harness.records import load
from suite.harness.registry import experiments
from suite.harness.runner import run_cell, run_cells_together
from suite.harness.schema import parse
from suite.harness.store import ModelStore
from tests.harness.tiny_cells import DeadlineAtFile

TINY = ("tiny_experiments",)
Record = tuple[dict[str, Any], list[dict[str, Any]]]


class Told(SilentObserver):
    def __init__(self) -> None:
        self.started_cells: list[Cell] = []
        self.endings: dict[tuple[str, int], Ending] = {}

    def started(self, cell: Cell) -> None:
        self.started_cells.append(cell)

    def ended(self, cell: Cell, ending: Ending) -> None:
        assert (cell.variant, cell.seed) not in self.endings
        self.endings[cell.variant, cell.seed] = ending


def cells_of(*variants: str, **overrides: str) -> list[Cell]:
    return plan(["tiny/together"], "smoke", "cpu", overrides=overrides, variants=variants, packages=TINY)


def records(folder: Path) -> dict[tuple[str, int], Record]:
    found = map(parse, record_files(folder))
    return {(header["cell"]["variant"], header["cell"]["seed"]): (header, rows) for header, rows in found}


def alone(cells: list[Cell], folder: Path) -> dict[tuple[str, int], Record]:
    run_locally(cells, folder, None, SilentObserver(), packages=TINY)
    return records(folder)


def assert_same_rows(found: Record, expected: Record) -> None:
    kept = [[row for row in rows if row["unit"] != "s"] for _, rows in (found, expected)]
    assert [{**row, "value": None} for row in kept[0]] == [{**row, "value": None} for row in kept[1]]
    assert [row["value"] for row in kept[0]] == pytest.approx([row["value"] for row in kept[1]], rel=1e-5)


def test_groups_differ_by_their_seed_alone(packages: tuple[str, ...]) -> None:
    cells = [*cells_of("trains", "never", "timed"), *cells_of("trains", steps="7")]

    def sizes(together: Together) -> list[int]:
        return [len(group) for group in grouped(cells, experiments(packages), together)]

    assert sizes("always") == [3, 1, 1, 1, 1, 1, 1, 3]
    assert sizes("auto") == sizes("never") == [1] * len(cells)
    first = grouped(cells, experiments(packages), "always")[0]
    assert [(cell.variant, cell.seed) for cell in first] == [("trains", 0), ("trains", 1), ("trains", 2)]


def test_records_are_those_of_cells_that_run_alone(packages: tuple[str, ...], tmp_path: Path) -> None:
    cells = cells_of("trains")
    expected = alone(cells, tmp_path / "alone")
    told = Told()
    run_locally(cells, tmp_path / "together", None, told, packages=packages, together="always")
    found = records(tmp_path / "together")
    assert found.keys() == expected.keys() == told.endings.keys()
    for kind, (header, rows) in found.items():
        assert_same_rows((header, rows), expected[kind])
        assert header["together"] == [0, 1, 2]
        assert header["cell"] == expected[kind][0]["cell"]
        assert [row["together"] for row in rows if row["unit"] == "s"] == [3]
        assert "together" not in expected[kind][0]
        assert told.endings[kind].status == "finished"
        (elapsed,) = (row["value"] for row in rows if row["unit"] == "s")
        assert elapsed / 3 < header["seconds"] < elapsed + 1
    for cell in cells:
        whole, one = (ModelStore(tmp_path / name).load(cell.key) for name in ("together", "alone"))
        for name, value in one.items():
            torch.testing.assert_close(whole[name], value)
    assert not list((tmp_path / "together" / "checkpoints").glob("*"))


@pytest.mark.parametrize(
    ("variant", "message"), [("diverges", "FloatingPointError: the loss is not"), ("draws", "RuntimeError: cells that")]
)
def test_when_it_fails_each_cell_runs_alone_from_its_beginning(
    packages: tuple[str, ...], tmp_path: Path, variant: str, message: str
) -> None:
    cells = cells_of(variant)
    expected, told = alone(cells, tmp_path / "alone"), Told()
    run_locally(cells, tmp_path / "together", None, told, packages=packages, together="always")
    found = records(tmp_path / "together")
    statuses = {kind: header["status"] for kind, (header, _) in found.items()}
    assert statuses == {kind: header["status"] for kind, (header, _) in expected.items()}
    assert statuses[variant, 1] == ("diverged" if variant == "diverges" else "finished")
    for kind, (header, rows) in found.items():
        # Bit for bit, as they are the same runs.
        numbers = [[row for row in each if row["unit"] != "s"] for each in (rows, expected[kind][1])]
        assert numbers[0] == numbers[1]
        assert "together" not in header
        assert f"alone, as seeds together met {message}" in told.endings[kind].reason
    assert [cell.seed for cell in told.started_cells] == [0, 1, 2]


def test_interrupted_they_go_on_together(packages: tuple[str, ...], tmp_path: Path) -> None:
    cells = cells_of("trains", ledger=str(tmp_path / "ledger"))
    code = cell_code(cells[0], experiments(packages))
    run_cells_together(cells, tmp_path / "whole", packages=packages)
    expected = records(tmp_path / "whole")
    stops, told = Deadline(-math.inf, math.inf), Told()
    for steps in (1, 2):
        with pytest.raises(TimeUp):
            run_cells_together(cells, tmp_path / "parts", observer=told, packages=packages, deadline=stops)
        assert [ending.status for ending in told.endings.values()] == ["stopped"] * 3
        told.endings.clear()
        paths = [checkpoint_path(tmp_path / "parts", cell.key, code) for cell in cells]
        assert [getattr(reached(path), "step", None) for path in paths] == [steps] * 3
    # Checkpoints of different steps, as after the loss of power between writing two of them, are none.
    torn = tmp_path / "torn"
    (torn / "checkpoints").mkdir(parents=True)
    for path in paths:
        (torn / "checkpoints" / path.name).write_bytes(path.read_bytes())
    with pytest.raises(TimeUp):
        run_cells_together(cells, tmp_path / "parts", packages=packages, deadline=stops)
    (torn / "checkpoints" / paths[1].name).write_bytes(paths[1].read_bytes())
    for folder in (tmp_path / "parts", torn):
        run_cells_together(cells, folder, packages=packages)
        for kind, record in records(folder).items():
            assert_same_rows(record, expected[kind])
        assert not list((folder / "checkpoints").glob("*"))
    # Nothing ran alone, the interrupted runs included.
    assert set((tmp_path / "ledger").read_text().splitlines()) == {"trains 3"}


def test_a_checkpoint_of_cells_together_is_none_of_a_cell_alone(packages: tuple[str, ...], tmp_path: Path) -> None:
    cells = cells_of("trains")
    expected = alone(cells, tmp_path / "alone")
    with pytest.raises(TimeUp):
        run_cells_together(cells, tmp_path, packages=packages, deadline=Deadline(-math.inf, math.inf))
    header, rows = parse(run_cell(cells[1], tmp_path, packages=packages))
    assert [row for row in rows if row["unit"] != "s"] == [
        row for row in expected["trains", 1][1] if row["unit"] != "s"
    ]
    assert header["status"] == "finished"


def test_what_was_interrupted_alone_goes_on_alone(packages: tuple[str, ...], tmp_path: Path) -> None:
    cells = cells_of("diverges", ledger=str(tmp_path / "ledger"))
    expected = alone(cells, tmp_path / "alone")
    (tmp_path / "ledger").unlink()
    now = tmp_path / "now"
    deadline = DeadlineAtFile(asks=1, ends=0, file=str(now))

    class StopsTheFirstAlone(SilentObserver):
        """Lets the time be up when seed 0 has ended, in the first step of seed 1."""

        def ended(self, cell: Cell, ending: Ending) -> None:
            if cell.seed == 0:
                now.touch()

    with pytest.raises(TimeUp):
        run_cells_together(
            cells, tmp_path / "parts", observer=StopsTheFirstAlone(), packages=packages, deadline=deadline
        )
    path = checkpoint_path(tmp_path / "parts", cells[1].key, cell_code(cells[1], experiments(packages)))
    assert began_alone(path)
    (group,) = grouped(cells[1:], experiments(packages), "always")
    run_cells_together(group, tmp_path / "parts", packages=packages)
    # Together, until seed 1 diverged; alone until the time was up; and each alone.
    lines = (tmp_path / "ledger").read_text().splitlines()
    assert lines == ["diverges 3", "diverges 1", "diverges 1", "diverges 1", "diverges 1"]
    for kind, (header, rows) in records(tmp_path / "parts").items():
        assert header["status"] == expected[kind][0]["status"]
        assert [row for row in rows if row["unit"] != "s"] == [row for row in expected[kind][1] if row["unit"] != "s"]


def test_in_a_pool_a_process_that_dies_of_several_cells_takes_none_with_it(
    packages: tuple[str, ...], tmp_path: Path
) -> None:
    told = Told()
    ledger = tmp_path / "ledger"
    cells = cells_of("trains", "dies", ledger=str(ledger))
    run_in_pool(cells, tmp_path / "pool", None, told, 2, packages=packages, together="always")
    found = records(tmp_path / "pool")
    assert {kind: header["status"] for kind, (header, _) in found.items()} == dict.fromkeys(
        [(variant, seed) for variant in ("trains", "dies") for seed in range(3)], "finished"
    )
    assert {kind: "together" in header for kind, (header, _) in found.items()} == {
        kind: kind[0] == "trains" for kind in found
    }
    assert sorted(ledger.read_text().splitlines()) == ["dies 1", "dies 1", "dies 1", "dies 3", "trains 3"]
    assert len(told.started_cells) == len(told.endings) == 6


@pytest.mark.parametrize("more", [(), ("--minutes", "5")])
def test_the_command_runs_seeds_together_when_asked(
    packages: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    more: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["run", "tiny/together", "--variants", "trains", "--profile", "smoke", "--device", "cpu", *more]
    assert main([*arguments, "--together", "always"], packages=packages) == 0
    assert "3 of 3 cells finished" in capsys.readouterr().out
    assert [header["together"] for header, _ in records(Path("records")).values()] == [[0, 1, 2]] * 3
    loaded = load(Path("records"))
    assert set(loaded.cells["status"]) == {"finished"}
    assert set(loaded.rows.loc[loaded.rows["metric"] == "elapsed", "together"]) == {3}
    # What has finished together is not run again, together or not.
    assert main(arguments, packages=packages) == 0
    assert "3 finished before, 0 to run." in capsys.readouterr().out
