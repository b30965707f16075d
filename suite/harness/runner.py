"""Running one cell: one cell in, one record file out, whatever happens inside."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch import nn

from suite.declarations import Cell, Experiment, ModelSpec
from suite.harness import provenance, schema, seeds
from suite.harness.code_digest import cell_code
from suite.harness.deadline import NEVER, Deadline, TimeUp
from suite.harness.device_memory import described_shortage
from suite.harness.errors import NeededModelError, PlanError
from suite.harness.interrupted import began_alone, checkpoint_path, forget
from suite.harness.meter import CellMeter
from suite.harness.meters_together import MetersTogether
from suite.harness.observer import Ending, Observer, SilentObserver, Step
from suite.harness.plan import needed_cell
from suite.harness.record_file import cell_header, read_header, record_path, write_record
from suite.harness.registry import EXPERIMENT_PACKAGES, experiments
from suite.harness.store import ModelStore
from suite.models.product_precision import products_in


def run_cell(
    cell: Cell,
    records_dir: Path,
    data_dir: Path | None = None,
    observer: Observer | None = None,
    *,
    packages: Sequence[str] = EXPERIMENT_PACKAGES,
    deadline: Deadline = NEVER,
) -> Path:
    """Run a cell and write its record; models it needs are trained first where the model store lacks them.

    An exception inside the experiment is a record with status ``failed``, or ``diverged`` when it is a
    ``FloatingPointError``, as the solvers raise for a state that is not finite; what was measured until then is kept.
    torch's global generators are as they were when it returns.

    Args:
        cell: The cell.
        records_dir: Where the record and the model store go.
        data_dir: Folder to look for data in first.
        observer: Who is told of the progress.
        packages: Packages to find experiments in.
        deadline: When its trainings stop.

    Returns:
        Path of the record file.

    Raises:
        PlanError: When the experiment is not registered.
        TimeUp: When the deadline stopped a training: its checkpoint is written, and the cell has no record.
    """
    return _runner(cell, records_dir, data_dir, observer, packages, deadline).run(cell)


def run_cells_together(
    cells: Sequence[Cell],
    records_dir: Path,
    data_dir: Path | None = None,
    observer: Observer | None = None,
    *,
    packages: Sequence[str] = EXPERIMENT_PACKAGES,
    deadline: Deadline = NEVER,
) -> list[Path]:
    """Run cells that differ by their seed alone as one batched model, and write the record of each.

    Where that fails, as it does for all of them when one diverges, they run one by one, each from its beginning: no
    record depends on what happens to another. They also do when one was interrupted alone, which goes on. The
    arguments are those of :func:`run_cell`.

    Returns:
        Paths of the record files.

    Raises:
        PlanError: When the experiment is not registered.
        TimeUp: When the deadline stopped a training.
    """
    return _runner(cells[0], records_dir, data_dir, observer, packages, deadline).run_together(cells)


def record_failure(cell: Cell, records_dir: Path, error: Exception, seconds: float, code: str) -> Path:
    """Write the record of a cell that failed outside its own process, and return its path."""
    path = record_path(records_dir, cell, code)
    outcome = _Outcome("failed", {"type": type(error).__name__, "message": str(error), "traceback": ""})
    write_record(path, _header(cell, code, datetime.now(UTC), seconds, outcome), [])
    return path


@dataclass(frozen=True)
class _Outcome:
    status: str
    error: Mapping[str, str] | None = None
    out_of_memory: bool = False

    @property
    def reason(self) -> str:
        return f"{self.error['type']}: {self.error['message']}" if self.error else ""


def _runner(
    cell: Cell,
    records_dir: Path,
    data_dir: Path | None,
    observer: Observer | None,
    packages: Sequence[str],
    deadline: Deadline,
) -> _Runner:
    registered = experiments(packages)
    if cell.experiment not in registered:
        raise PlanError(f"no experiment is called {cell.experiment!r}; the experiments are {', '.join(registered)}")
    return _Runner(Path(records_dir), data_dir, observer or SilentObserver(), packages, registered, deadline)


@dataclass(frozen=True)
class _Runner:
    records_dir: Path
    data_dir: Path | None
    observer: Observer
    packages: Sequence[str]
    registered: Mapping[str, Experiment]
    deadline: Deadline

    @property
    def store(self) -> ModelStore:
        return ModelStore(self.records_dir)

    @products_in(tf32=False)  # so that numbers are of float32, unless a setting of the cell says otherwise
    def run(self, cell: Cell) -> Path:
        code = cell_code(cell, self.registered)
        meter = self._meter(cell, code)
        self.observer.started(cell)
        start, clock = datetime.now(UTC), meter.stopwatch()
        try:
            for spec in self.registered[cell.experiment].needs(cell):
                self._ensure_trained(self._needed(cell, spec, None))
            start, clock = datetime.now(UTC), meter.stopwatch()  # the training above is charged to its own cell
            with seeds.seeded(meter.device, "run", cell.experiment, cell.variant, cell.seed):
                self.registered[cell.experiment].run(cell, meter)
            outcome = _Outcome("finished")
        except TimeUp as stop:
            self.observer.ended(cell, Ending("stopped", clock.seconds, str(stop)))
            raise
        except FloatingPointError as error:
            outcome = _Outcome("diverged", _described(error))
        except torch.OutOfMemoryError as error:
            outcome = _Outcome("failed", _described(error) | {"message": described_shortage(error)}, out_of_memory=True)
        except Exception as error:
            outcome = _Outcome("failed", _described(error))
        return self._written(cell, code, _header(cell, code, start, clock.seconds, outcome), meter, outcome)

    def run_together(self, cells: Sequence[Cell]) -> list[Path]:
        code = cell_code(cells[0], self.registered)
        if any(began_alone(checkpoint_path(self.records_dir, cell.key, code)) for cell in cells):
            # Perhaps because they could not together; what they have reached is not to be lost to another attempt.
            return [self.run(cell) for cell in cells]
        experiment, device = self.registered[cells[0].experiment], torch.device(cells[0].device)
        meters = [self._meter(cell, code, together=[each.key for each in cells]) for cell in cells]
        for cell in cells:
            self.observer.started(cell)
        failure = ""
        start, clocks = datetime.now(UTC), [meter.stopwatch() for meter in meters]
        try:
            for cell in cells:
                for spec in experiment.needs(cell):
                    self._ensure_trained(self._needed(cell, spec, None))
            start, clocks = datetime.now(UTC), [meter.stopwatch() for meter in meters]
            with seeds.untouched(device):
                experiment.run_together(cells, MetersTogether(meters))
        except TimeUp as stop:
            self._stopped(cells, clocks[0].seconds, stop)
            raise
        except Exception as error:
            failure = f"{type(error).__name__}: {error}"
        if failure:  # not before, as the exception holds the tensors of what has failed
            return self._one_by_one(cells, code, failure)
        seconds = clocks[0].seconds / len(cells)
        together = {"together": [cell.seed for cell in cells]}
        outcome = _Outcome("finished")
        return [
            self._written(cell, code, _header(cell, code, start, seconds, outcome) | together, meter, outcome)
            for cell, meter in zip(cells, meters, strict=True)
        ]

    def _one_by_one(self, cells: Sequence[Cell], code: str, why: str) -> list[Path]:
        for cell in cells:
            forget(self.records_dir, cell.key, code)
        runner = replace(self, observer=_AfterAll(self.observer, why))
        paths = []
        for number, cell in enumerate(cells):
            try:
                paths.append(runner.run(cell))
            except TimeUp as stop:
                self._stopped(cells[number + 1 :], 0.0, stop)
                raise
        return paths

    def _stopped(self, cells: Sequence[Cell], seconds: float, stop: TimeUp) -> None:
        for cell in cells:
            self.observer.ended(cell, Ending("stopped", seconds, str(stop)))

    def _meter(self, cell: Cell, code: str, together: Sequence[str] = ()) -> CellMeter:
        return CellMeter(
            cell,
            self.data_dir,
            self.observer,
            keep=lambda model: self._keep(cell, code, model),
            trained=lambda spec, seed: self._trained(cell, spec, seed),
            checkpoint=checkpoint_path(self.records_dir, cell.key, code),
            deadline=self.deadline,
            together=together,
        )

    def _written(self, cell: Cell, code: str, header: dict[str, Any], meter: CellMeter, outcome: _Outcome) -> Path:
        path = record_path(self.records_dir, cell, code)
        write_record(path, header, meter.rows)
        forget(self.records_dir, cell.key, code)
        self.observer.ended(cell, Ending(outcome.status, header["seconds"], outcome.reason, outcome.out_of_memory))
        return path

    def _keep(self, cell: Cell, code: str, model: nn.Module) -> None:
        origin = {"cell": cell_header(cell), "code": provenance.code(code)}
        self.store.keep(cell.key, model.state_dict(), code=code, provenance=origin)

    def _needed(self, cell: Cell, spec: ModelSpec, seed: int | None) -> Cell:
        return needed_cell(cell, spec, seed, data_dir=self.data_dir, packages=self.packages)

    def _trained(self, cell: Cell, spec: ModelSpec, seed: int | None) -> nn.Module:
        if spec not in self.registered[cell.experiment].needs(cell):
            raise NeededModelError(
                f"{cell.experiment} asks for the model {spec.variant!r} of {spec.experiment}, which its needs() lacks"
            )
        needed = self._needed(cell, spec, seed)
        self._ensure_trained(needed)
        # Seeded, because building draws initial weights, which must not move the cell's own random numbers.
        with seeds.seeded(torch.device(cell.device), "build", needed.experiment, needed.variant, needed.seed):
            model = self.registered[needed.experiment].build_model(needed)
        model.load_state_dict(self.store.load(needed.key))
        return model.eval().to(cell.device)

    def _ensure_trained(self, needed: Cell) -> None:
        """Run the cell of a needed model, unless it has run with the present code.

        Raises:
            NeededModelError: When it did not finish, now or before, or kept no model.
        """
        code = cell_code(needed, self.registered)
        path = record_path(self.records_dir, needed, code)
        header = read_header(path)
        if header is None and self.store.has(needed.key, code):
            return  # it came from another machine, and so did its record, which is kept elsewhere
        if header is None or (header["status"] == "finished" and not self.store.has(needed.key, code)):
            header = read_header(self.run(needed))
        if header is None or header["status"] != "finished":
            error = (header or {}).get("error") or {}
            raise NeededModelError(
                f"the needed model of {needed.name} was not trained: {error.get('type')}: {error.get('message')}"
            )
        if not self.store.has(needed.key, code):
            raise NeededModelError(f"{needed.name} finished without keeping the model that others need")


@dataclass(frozen=True)
class _AfterAll:
    """An observer of cells that run one by one after all, for one who knows that they started."""

    observer: Observer
    why: str

    def started(self, cell: Cell) -> None:
        del cell

    def advanced(self, cell: Cell, step: Step) -> None:
        self.observer.advanced(cell, step)

    def ended(self, cell: Cell, ending: Ending) -> None:
        reason = f"{ending.reason}; " if ending.reason else ""
        self.observer.ended(cell, replace(ending, reason=f"{reason}alone, as seeds together met {self.why}"))


def _described(error: Exception) -> dict[str, str]:
    return {
        "type": type(error).__name__,
        "message": str(error),
        "traceback": "".join(traceback.format_exception(error)),
    }


def _header(cell: Cell, code: str, start: datetime, seconds: float, outcome: _Outcome) -> dict[str, Any]:
    return {
        "schema": schema.VERSION,
        "cell": cell_header(cell),
        "code": provenance.code(code),
        "environment": provenance.environment(cell.device),
        "start": start.isoformat(timespec="microseconds"),
        "seconds": seconds,
        "status": outcome.status,
        "error": outcome.error,
    }
