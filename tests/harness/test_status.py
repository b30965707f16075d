"""Current, replayed, other code, stale, failed, missing; and which cells have to run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from suite.declarations import Cell, Experiment, Meter
from suite.harness import runner, status
from suite.harness.plan import plan
from suite.harness.registry import experiments
from suite.harness.replays import Replay, Replays
from suite.harness.runner import run_cell
from suite.harness.schema import parse
from suite.harness.status import cell_statuses, pending_cells
from tests.harness.tiny_cells import MakeCell


@pytest.fixture
def records(tmp_path: Path) -> Path:
    return tmp_path / "records"


def test_each_state_and_its_reason(
    make_cell: MakeCell, packages: tuple[str, ...], records: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = make_cell("tiny/outcomes", "finishes")

    def state_of(cell: object = cell) -> tuple[str, str]:
        assert isinstance(cell, type(make_cell("tiny/outcomes", "finishes")))
        (found,) = cell_statuses([cell], records, packages=packages)
        return found.state, found.reason

    assert state_of() == ("missing", "")
    run_cell(cell, records, packages=packages)
    assert state_of() == ("current", "")
    assert state_of(replace(cell, settings=cell.settings.override({"steps": "4"}))) == ("stale", "another steps")
    assert state_of(replace(cell, revision=2)) == ("stale", "another revision")
    raising = make_cell("tiny/outcomes", "raises")
    run_cell(raising, records, packages=packages)
    assert state_of(raising) == ("failed", "RuntimeError: as asked")
    monkeypatch.setattr(status, "cell_code", lambda cell, registered: "f" * 64)
    assert state_of()[0] == "other code"
    assert state_of(raising) == ("failed", "RuntimeError: as asked (with other code)")


def test_the_present_code_decides_among_several_records(
    make_cell: MakeCell, packages: tuple[str, ...], records: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = make_cell("tiny/outcomes", "finishes")
    run_cell(cell, records, packages=packages)
    monkeypatch.setattr(runner, "cell_code", lambda cell, registered: "f" * 64)
    run_cell(cell, records, packages=packages)
    assert len(list(records.rglob("*.jsonl"))) == 2
    assert [found.state for found in cell_statuses([cell], records, packages=packages)] == ["current"]


def test_a_replay_makes_records_of_the_older_code_count(
    make_cell: MakeCell, packages: tuple[str, ...], records: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell, raising = make_cell("tiny/outcomes", "finishes"), make_cell("tiny/outcomes", "raises")
    code = parse(run_cell(cell, records, packages=packages))[0]["code"]
    run_cell(raising, records, packages=packages)
    present = {"digest": "f" * 64, "commit": None, "dirty": None}
    replay = Replay("tiny/outcomes", "cpu", "smoke", code, present, 1, 3, {}, "2.13.0", "a", "a", 1, "2026-01-02")
    known = Replays([replay])
    monkeypatch.setattr(status, "cell_code", lambda cell, registered: "f" * 64)

    def states(replays: Replays | None = known, folder: Path = records, kept: tuple[Path, ...] = ()) -> list[str]:
        found = cell_statuses([cell, raising], folder, kept=kept, replays=replays, packages=packages)
        assert [each.variant for each in pending_cells(found, folder, packages=packages)] == [
            each.cell.variant for each in found if each.state != "replayed"
        ]
        return [each.state for each in found]

    assert states() == ["replayed", "failed"]
    assert states(replays=None) == ["other code", "failed"]
    assert states(replays=Replays([replace(replay, device="cuda")])) == ["other code", "failed"]
    # Kept records count by a replay too, and what the present code itself did goes before it.
    assert states(folder=tmp_path / "absent", kept=(records,))[0] == "replayed"
    assert states(folder=tmp_path / "absent", kept=(records,), replays=None) == ["missing", "missing"]
    monkeypatch.setattr(runner, "cell_code", lambda cell, registered: "f" * 64)
    monkeypatch.setattr(type(experiments(packages)["tiny/outcomes"]), "run", _fails)
    run_cell(cell, records, packages=packages)
    assert states()[0] == "failed"


def _fails(experiment: Experiment, cell: Cell, meter: Meter) -> None:
    raise RuntimeError("the newer code")


def test_a_cut_off_record_counts_as_none(make_cell: MakeCell, packages: tuple[str, ...], records: Path) -> None:
    cell = make_cell("tiny/outcomes", "finishes")
    path = run_cell(cell, records, packages=packages)
    path.write_bytes(path.read_bytes()[:-5])
    assert [found.state for found in cell_statuses([cell], records, packages=packages)] == ["missing"]


def test_a_lost_model_is_pending_only_when_a_pending_cell_needs_it(packages: tuple[str, ...], records: Path) -> None:
    cells = [
        cell
        for cell in plan(["tiny/using"], "smoke", "cpu", packages=packages)
        if cell.variant in ("line", "declared", "other-seed")
    ]
    for cell in cells:
        run_cell(cell, records, packages=packages)

    def pending() -> list[str]:
        statuses = cell_statuses(cells, records, packages=packages)
        return [cell.variant for cell in pending_cells(statuses, records, packages=packages)]

    assert pending() == []
    for model in (records / "models").glob("*.safetensors"):
        model.unlink()
    assert pending() == []
    next(records.rglob("declared-*.jsonl")).unlink()
    assert pending() == ["line", "declared"]
