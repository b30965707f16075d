"""At the deadline a training leaves a checkpoint, anything else is ended, and neither has a record."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import pytest

from suite.declarations import Cell
from suite.harness.code_digest import cell_code
from suite.harness.deadline import NEVER, Deadline, TimeUp
from suite.harness.executors.pool import run_in_pool
from suite.harness.interrupted import checkpoint_path, lost_seconds, reached
from suite.harness.observer import Ending, SilentObserver
from suite.harness.plan import plan
from suite.harness.registry import EXPERIMENT_PACKAGES, experiments
from suite.harness.runner import run_cell
from suite.harness.schema import parse
from tests.harness.tiny_cells import DeadlineAtFile, MakeCell

TINY = ("tiny_experiments",)


class Endings(SilentObserver):
    def __init__(self) -> None:
        self.all: list[Ending] = []

    def ended(self, cell: Cell, ending: Ending) -> None:
        self.all.append(ending)


def test_a_run_keeps_some_of_its_time_to_stop() -> None:
    assert Deadline.after(540, 100) == Deadline(asks=100 + 540 - 15, ends=100 + 540)
    assert Deadline.after(20, 100) == Deadline(asks=118, ends=120)
    past = Deadline.after(20, time.monotonic() - 19)
    assert past.asks_to_stop
    assert not past.has_ended
    assert past.seconds_left is not None
    assert 0 < past.seconds_left < 1


def test_a_run_without_end_waits_for_ever() -> None:
    assert not NEVER.asks_to_stop
    assert not NEVER.has_ended
    assert NEVER.seconds_left is None


def numbers(path: Path) -> list[dict[str, Any]]:
    header, rows = parse(path)
    assert header["status"] == "finished", header["error"]
    return [row for row in rows if row["unit"] not in ("s", "ms", "us")]


def real_cell() -> Cell:
    return next(
        cell
        for cell in plan(["massaroli2020/reflection"], "smoke", "cpu", packages=EXPERIMENT_PACKAGES)
        if cell.variant == "galerkin"
    )


@pytest.mark.parametrize("kind", ["tiny", "real"])
def test_stopped_after_every_step_the_numbers_are_the_same(kind: str, make_cell: MakeCell, tmp_path: Path) -> None:
    cell = make_cell("tiny/learning", "trains") if kind == "tiny" else real_cell()
    packages = TINY if kind == "tiny" else EXPERIMENT_PACKAGES
    expected = numbers(run_cell(cell, tmp_path / "whole", packages=packages))
    code = cell_code(cell, experiments(packages))
    checkpoint = checkpoint_path(tmp_path, cell.key, code)
    far = []
    endings = Endings()
    while True:
        try:
            path = run_cell(cell, tmp_path, observer=endings, packages=packages, deadline=Deadline(-math.inf, math.inf))
        except TimeUp:
            assert not list(tmp_path.glob("*/*/*.jsonl"))
            now = reached(checkpoint)
            assert now is not None
            far.append(now)
        else:
            break
    assert numbers(path) == expected
    assert far == sorted(set(far))
    assert len(far) == 10 if kind == "tiny" else len(far) >= 1
    assert {ending.status for ending in endings.all[:-1]} == {"stopped"}
    assert endings.all[0].reason.startswith("the time is up after step 1 of ")
    assert not checkpoint.exists()


def test_the_pool_ends_what_does_not_stop_by_itself(make_cell: MakeCell, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    cells = [make_cell("tiny/slow", variant, ledger=str(ledger), seconds="600") for variant in ("a", "b")]
    endings = Endings()
    records = tmp_path / "records"
    deadline = DeadlineAtFile(asks=1, ends=1, file=str(ledger))
    run_in_pool(cells, records, None, endings, 1, packages=TINY, deadline=deadline)
    assert [ending.status for ending in endings.all] == ["stopped"]
    assert ledger.read_text() == "a\n"
    assert not list(records.rglob("*.jsonl"))
    codes = [cell_code(cell, experiments(TINY)) for cell in cells]
    lost = [lost_seconds(records, cell.key, code) for cell, code in zip(cells, codes, strict=True)]
    assert 0 < lost[0] < 300
    assert lost[1] == 0
