"""What an executor tells while cells run: a cell started, advanced, ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from suite.declarations import Cell


@dataclass(frozen=True)
class Step:
    """How far a cell is: ``done`` of ``total`` units (epochs, iterations), with the latest values of some metrics."""

    done: int
    total: int
    unit: str
    latest: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Ending:
    """How a cell ended: the status in its record, the seconds it took, and the reason when it did not finish.

    The status of a cell without a record is ``stopped``: the time of the run was up. ``out_of_memory`` says that it
    failed because the device had no memory left, which it may have when nothing runs beside it.
    """

    status: str
    seconds: float
    reason: str = ""
    out_of_memory: bool = False


class Observer(Protocol):
    """Who wants to know; called in the process that started the run, in the order of events of each cell."""

    def started(self, cell: Cell) -> None:
        """A cell starts to run."""
        ...

    def advanced(self, cell: Cell, step: Step) -> None:
        """A running cell reports how far it is."""
        ...

    def ended(self, cell: Cell, ending: Ending) -> None:
        """A cell's record is written, or the cell was stopped."""
        ...


class SilentObserver:
    """An observer that does nothing."""

    def started(self, cell: Cell) -> None:
        """Do nothing."""

    def advanced(self, cell: Cell, step: Step) -> None:
        """Do nothing."""

    def ended(self, cell: Cell, ending: Ending) -> None:
        """Do nothing."""
