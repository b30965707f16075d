"""The meter that an experiment measures with: it hands out generators, data and models, and collects rows."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from suite import datasets
from suite.declarations import Axis, Cell, ModelSpec, Reading, Stateful
from suite.harness import meters, seeds
from suite.harness.data_versions import asked_names
from suite.harness.deadline import NEVER, Deadline
from suite.harness.observer import Observer, Step
from suite.harness.resumption import Resumption, Stopwatch
from suite.harness.schema import NOT_AXES


class CellMeter:
    """The ``Meter`` of one cell.

    Attributes:
        rows: The measurements so far, as a record holds them.
        resumption: The checkpoint of its training loops.
    """

    def __init__(
        self,
        cell: Cell,
        data_dir: Path | None,
        observer: Observer,
        *,
        keep: Callable[[nn.Module], None],
        trained: Callable[[ModelSpec, int | None], nn.Module],
        checkpoint: Path | None = None,
        deadline: Deadline = NEVER,
        together: Sequence[str] = (),
    ) -> None:
        self.rows: list[dict[str, Any]] = []
        self._cell = cell
        self._data_dir = data_dir
        self._observer = observer
        self._keep = keep
        self._trained = trained
        self._generators: dict[str, torch.Generator] = {}
        self.resumption = Resumption(
            checkpoint, self.device, self.rows, self._generators, self.generator, deadline, together
        )

    @property
    def device(self) -> torch.device:
        """Where the cell runs."""
        return torch.device(self._cell.device)

    def record(self, metric: str, value: float, unit: str, **axes: Axis) -> None:
        """Write one measurement.

        Raises:
            TypeError: When the value or an axis is not a plain number (or, for an axis, text); a tensor is refused
                because reading it would wait for the device unseen.
            ValueError: When an axis has the name of another column.
        """
        if reserved := NOT_AXES & axes.keys():
            raise ValueError(f"an axis of {metric!r} cannot be called {', '.join(sorted(reserved))}")
        row: dict[str, Any] = {"metric": metric, "value": _plain(metric, value), "unit": unit}
        for name, position in axes.items():
            row[name] = position if isinstance(position, str) else _plain(f"axis {name} of {metric}", position)
        self.rows.append(row)

    def generator(self, stream: str) -> torch.Generator:
        """Return the CPU generator of a named stream; asked for again, it goes on where it was."""
        if stream not in self._generators:
            self._generators[stream] = seeds.stream(self._cell.experiment, self._cell.seed, stream)
        return self._generators[stream]

    def initialisation(self) -> AbstractContextManager[None]:
        """Seed torch's global generators inside the block, from experiment, variant and seed alone."""
        cell = self._cell
        return seeds.seeded(self.device, "initialisation", cell.experiment, cell.variant, cell.seed)

    def dataset(self, name: str) -> Any:
        """Load a declared data set in the version of the cell.

        Raises:
            ValueError: When the experiment does not declare it.
        """
        declared = asked_names(self._cell.data)
        if name not in declared:
            known = ", ".join(declared) or "none"
            raise ValueError(f"{self._cell.experiment} does not declare the data set {name!r}, only {known}")
        return datasets.load(declared[name], self._data_dir)

    def progress(self, done: int, total: int, unit: str, **latest: float) -> None:
        """Tell the observer how far the cell is."""
        self._observer.advanced(self._cell, Step(done, total, unit, latest))

    def resumable_steps(self, count: int, name: str, **parts: Stateful | dict[Any, float]) -> Iterator[int]:
        """Count the steps of a training loop from where an interrupted run of the cell left it.

        Raises:
            ValueError: When another loop of the cell has the name.
            TimeUp: Between two steps, when the run's time is up and a checkpoint is written.
        """
        return self.resumption.steps(count, name, parts)

    def measured_once(self, name: str, measure: Callable[[], float]) -> float:
        """Return what a measurement gives, or what it gave before the interruption of a cell that goes on after it.

        Raises:
            ValueError: When another number of the cell has the name.
        """
        return self.resumption.measured_once(name, measure)

    def stopwatch(self) -> Stopwatch:
        """Start a stopwatch that goes on where an interrupted run of the cell left it."""
        return self.resumption.stopwatch()

    @contextmanager
    def wall_time(self) -> Iterator[Reading]:
        """Measure seconds of wall time, with the device synchronised at both ends."""
        with self.resumption.timed() as watch, meters.wall_time(self.device) as reading:
            yield reading
        reading.value += watch.earlier

    def peak_memory(self) -> AbstractContextManager[Reading]:
        """Measure peak bytes allocated on a CUDA device above the level at entry."""
        return meters.peak_memory(self.device)

    def saved_bytes(self) -> AbstractContextManager[Reading]:
        """Measure bytes that autograd keeps for the backward pass."""
        return meters.saved_bytes()

    def macs(self) -> AbstractContextManager[Reading]:
        """Count multiply-accumulate operations."""
        return meters.macs()

    def host_syncs(self) -> AbstractContextManager[Reading]:
        """Count operations that make the host wait for the device."""
        return meters.host_syncs()

    def keep(self, model: nn.Module) -> None:
        """Put the cell's trained model into the model store."""
        self._keep(model)

    def trained(self, spec: ModelSpec, seed: int | None = None) -> nn.Module:
        """Return a trained model in evaluation mode on the device.

        Raises:
            NeededModelError: When the experiment does not declare the need, or the model's own cell failed.
        """
        return self._trained(spec, seed)


def _plain(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} takes a number, not a {type(value).__name__}")
    return int(value) if isinstance(value, numbers.Integral) else float(value)
