"""The meters of cells that run as one batched model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from suite.declarations import Reading, Stateful
from suite.harness.meter import CellMeter
from suite.harness.resumption import steps_of_all


class MetersTogether:
    """The ``Meters`` of some cells.

    Attributes:
        each: The meter of every cell.
    """

    def __init__(self, each: Sequence[CellMeter]) -> None:
        self.each = tuple(each)

    def resumable_steps(self, count: int, name: str, **parts: Stateful | dict[Any, float]) -> Iterator[int]:
        """Count the steps of one training loop of all cells; see :func:`suite.harness.resumption.steps_of_all`."""
        return steps_of_all([meter.resumption for meter in self.each], count, name, parts)

    @contextmanager
    def wall_time(self) -> Iterator[Reading]:
        """Measure seconds of wall time that all cells take together, interrupted runs included."""
        with ExitStack() as clocks:
            # One of each meter, since the checkpoint of each keeps what its clocks show.
            readings = [clocks.enter_context(meter.wall_time()) for meter in self.each]
            yield readings[0]
