"""One cell in, one record out, whatever happens inside."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from suite.declarations import Cell
from suite.harness.errors import PlanError
from suite.harness.meter import CellMeter
from suite.harness.observer import Ending, SilentObserver, Step
from suite.harness.registry import experiments
from suite.harness.runner import run_cell
from tests.harness.tiny_cells import MakeCell, RunTiny


class Listener:
    def __init__(self) -> None:
        self.events: list[object] = []

    def started(self, cell: Cell) -> None:
        self.events.append(("started", cell.experiment))

    def advanced(self, cell: Cell, step: Step) -> None:
        self.events.append((step.done, step.total, step.unit, step.latest))

    def ended(self, cell: Cell, ending: Ending) -> None:
        self.events.append((ending.status, ending.reason))


def unused(*_: object) -> torch.nn.Module:
    raise AssertionError


@pytest.fixture
def meter(make_cell: MakeCell) -> CellMeter:
    cell = make_cell("tiny/outcomes", "finishes")
    return CellMeter(cell, None, SilentObserver(), keep=lambda model: None, trained=unused)


def test_a_finished_cell_records_its_rows_and_settings(run_tiny: RunTiny) -> None:
    header, rows = run_tiny("tiny/outcomes", "finishes")
    assert (header["status"], header["error"]) == ("finished", None)
    assert header["cell"]["settings"] == {"steps": 3, "rates": [0.5, 0.25]}
    assert rows == [{"metric": "count", "value": step, "unit": "1", "step": step} for step in range(3)]
    assert header["environment"]["torch"] == torch.__version__
    assert header["seconds"] >= 0


def test_an_exception_is_a_record_that_keeps_its_rows(run_tiny: RunTiny) -> None:
    header, rows = run_tiny("tiny/outcomes", "raises")
    assert header["status"] == "failed"
    assert (header["error"]["type"], header["error"]["message"]) == ("RuntimeError", "as asked")
    assert "outcomes.py" in header["error"]["traceback"]
    assert len(rows) == 3


def test_a_state_that_is_not_finite_is_a_diverged_record(run_tiny: RunTiny) -> None:
    header, _ = run_tiny("tiny/outcomes", "diverges")
    assert header["status"] == "diverged"
    assert "t = 0.5" in header["error"]["message"]


def test_an_interruption_is_not_a_record(
    make_cell: MakeCell, packages: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(type(experiments(packages)["tiny/outcomes"]), "run", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_cell(make_cell("tiny/outcomes", "finishes"), tmp_path, packages=packages)
    assert not list(tmp_path.rglob("*.jsonl"))


def test_the_observer_hears_of_every_step(make_cell: MakeCell, packages: tuple[str, ...], tmp_path: Path) -> None:
    listener = Listener()
    run_cell(make_cell("tiny/outcomes", "raises"), tmp_path, observer=listener, packages=packages)
    steps = [(done, 3, "steps", {"count": done - 1.0}) for done in (1, 2, 3)]
    assert listener.events == [("started", "tiny/outcomes"), *steps, ("failed", "RuntimeError: as asked")]


def test_an_unknown_experiment_is_refused(make_cell: MakeCell, packages: tuple[str, ...], tmp_path: Path) -> None:
    cell = replace(make_cell("tiny/outcomes", "finishes"), experiment="tiny/absent")
    with pytest.raises(PlanError, match="'tiny/absent'"):
        run_cell(cell, tmp_path, packages=packages)


def test_declared_data_is_loaded_and_other_data_refused(run_tiny: RunTiny) -> None:
    header, rows = run_tiny("tiny/digits", "count")
    assert header["cell"]["data"][0]["stand_in_for"] == "mnist"
    assert [row["value"] for row in rows] == [355]
    header, _ = run_tiny("tiny/digits", "undeclared")
    assert "does not declare the data set 'cifar10', only mnist" in header["error"]["message"]


def test_numbers_of_numpy_are_recorded_as_plain_ones(meter: CellMeter) -> None:
    value: Any = np.float32(0.5)
    epoch: Any = np.int64(3)
    meter.record("a", value, "1", epoch=epoch, part="last")
    assert meter.rows == [{"metric": "a", "value": 0.5, "unit": "1", "epoch": 3, "part": "last"}]
    assert type(meter.rows[0]["epoch"]) is int


@pytest.mark.parametrize("value", [torch.tensor(1.0), "1", None, True])
def test_a_value_that_is_no_plain_number_is_refused(meter: CellMeter, value: float) -> None:
    with pytest.raises(TypeError, match="a takes a number"):
        meter.record("a", value, "1")


def test_an_axis_with_the_name_of_a_column_is_refused(meter: CellMeter) -> None:
    with pytest.raises(ValueError, match="cannot be called variant"):
        meter.record("a", 1.0, "1", variant="b")
