"""The process of a pool that runs cells: it reads them from a pipe and tells through the same pipe what happens."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection, parent_process
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from suite.declarations import Cell
from suite.harness.deadline import Deadline, TimeUp
from suite.harness.device_memory import give_back, hold_to_share
from suite.harness.executors.local import run_group
from suite.harness.observer import Ending, Step

_SECONDS_BETWEEN_STEPS = 0.1  # no eye follows more, and an experiment may report every iteration


@dataclass(frozen=True)
class Message:
    """What a worker says of a cell: that it started (no event), how far it is, or how it ended."""

    cell: Cell
    event: Step | Ending | None = None


@dataclass(frozen=True)
class Order:
    """What a worker is to do.

    Attributes:
        cells: The cell to run, or several that run together.
        processes: How many processes have a part of the machine.
        alone: Whether the others are idle meanwhile.
    """

    cells: tuple[Cell, ...]
    processes: int
    alone: bool


@dataclass(frozen=True)
class Finished:
    """What a worker says when it has done what it was to do, and whether it can do more."""

    goes_on: bool


def work(
    pipe: Connection[Message | Finished, Order | None],
    records_dir: Path,
    data_dir: Path | None,
    packages: Sequence[str],
    threads: int,
    deadline: Deadline,
) -> None:
    """Do what comes through the pipe, until None comes or the device no longer answers; say when each is done."""
    # Ctrl-C reaches the whole process group; the process that started the pool is the one to act on it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    observer = _PipeObserver(pipe)
    goes_on = True
    while goes_on and (order := pipe.recv()) is not None:
        if order.processes > 1 and order.cells[0].device == "cuda":
            with suppress(RuntimeError):  # the device cannot be used, which the cells run into, and their records tell
                hold_to_share(order.processes, alone=order.alone)
        with suppress(TimeUp):  # the observer was told
            run_group(order.cells, records_dir, data_dir, observer, packages=packages, deadline=deadline)
        goes_on = give_back()
        pipe.send(Finished(goes_on))


def _end_with_parent() -> None:
    """End at once when the process that started this one is gone, as after ``kill -9``: nobody waits for the result."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


class _PipeObserver:
    def __init__(self, pipe: Connection[Message | Finished, Order | None]) -> None:
        self._pipe = pipe
        self._last_steps: dict[str, float] = {}

    def started(self, cell: Cell) -> None:
        self._pipe.send(Message(cell))

    def advanced(self, cell: Cell, step: Step) -> None:
        now = time.monotonic()
        if now - self._last_steps.get(cell.key, 0.0) >= _SECONDS_BETWEEN_STEPS:
            self._last_steps[cell.key] = now
            self._pipe.send(Message(cell, step))

    def ended(self, cell: Cell, ending: Ending) -> None:
        self._pipe.send(Message(cell, ending))
