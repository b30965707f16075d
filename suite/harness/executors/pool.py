"""Cells in a pool of local processes, each started afresh, so that one that dies takes only its own cell with it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path

import torch

from suite.declarations import Cell
from suite.harness.code_digest import cell_code
from suite.harness.deadline import NEVER, Deadline
from suite.harness.errors import WorkerDiedError
from suite.harness.executors.worker import Message, work
from suite.harness.interrupted import note_lost
from suite.harness.observer import Ending, Observer, Step
from suite.harness.plan import needed_cells
from suite.harness.record_file import read_header, record_path
from suite.harness.registry import EXPERIMENT_PACKAGES, experiments
from suite.harness.runner import record_failure

_PATIENCE = 5.0  # seconds that a worker has to end after it was asked to, before it is killed


def run_in_pool(
    cells: Iterable[Cell],
    records_dir: Path,
    data_dir: Path | None,
    observer: Observer,
    jobs: int,
    *,
    packages: Sequence[str] = EXPERIMENT_PACKAGES,
    deadline: Deadline = NEVER,
) -> None:
    """Run cells in at most ``jobs`` processes, each after those it needs, and write their records.

    The processes share the cores evenly; one alone takes as many threads as this process. When one dies, its cell is a
    failed record that names the signal or exit code, and another process takes its place. All are stopped when this
    function is left, by an exception too. What the deadline stops has no record, and nothing starts after it.
    """
    waiting = list(cells)
    threads = torch.get_num_threads() if jobs == 1 else max(1, cores() // jobs)
    pool = _Pool(records_dir, data_dir, observer, packages, threads, deadline)
    try:
        pool.run(waiting, jobs)
    finally:
        pool.stop()


@dataclass(eq=False)
class _Worker:
    process: SpawnProcess
    pipe: Connection[Cell | None, Message | None]
    cell: Cell | None = None
    since: float = 0.0

    def give(self, cell: Cell) -> None:
        self.cell, self.since = cell, time.perf_counter()
        with suppress(OSError):  # it died while idle; reading from it says so, and its cell is recorded then
            self.pipe.send(cell)


@dataclass
class _Pool:
    records_dir: Path
    data_dir: Path | None
    observer: Observer
    packages: Sequence[str]
    threads: int
    deadline: Deadline
    workers: list[_Worker] = field(default_factory=list)

    def run(self, cells: Sequence[Cell], jobs: int) -> None:
        waiting = {cell.key: cell for cell in cells}
        needs = {cell.key: self._needed_keys(cell) for cell in cells}
        while self._busy() or (waiting and not self.deadline.asks_to_stop):
            unfinished = waiting.keys() | {worker.cell.key for worker in self._busy() if worker.cell}
            ready = [key for key in waiting if not needs[key] & unfinished]
            for key in ready[: 0 if self.deadline.asks_to_stop else jobs - len(self._busy())]:
                self._idle_worker().give(waiting.pop(key))
            for pipe in connection.wait([worker.pipe for worker in self._busy()], self.deadline.seconds_left):
                self._hear(next(worker for worker in self.workers if worker.pipe is pipe))
            if self.deadline.has_ended:
                for worker in self._busy():
                    self._give_up(worker)

    def stop(self) -> None:
        """End every worker: at once when it is in the middle of a cell."""
        for worker in self.workers:
            if worker.cell is None:
                with suppress(OSError):
                    worker.pipe.send(None)
            else:
                worker.process.terminate()
        for worker in self.workers:
            worker.process.join(_PATIENCE)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.pipe.close()
            worker.process.close()

    def _needed_keys(self, cell: Cell) -> set[str]:
        return {needed.key for needed in needed_cells(cell, data_dir=self.data_dir, packages=self.packages)}

    def _busy(self) -> list[_Worker]:
        return [worker for worker in self.workers if worker.cell is not None]

    def _idle_worker(self) -> _Worker:
        for worker in self.workers:
            if worker.cell is None:
                return worker
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(
            target=work,
            args=(theirs, self.records_dir, self.data_dir, tuple(self.packages), self.threads, self.deadline),
            daemon=True,
        )
        with _environment_of_worker(self.threads):
            process.start()
        theirs.close()  # so that reading from ours ends when the worker does
        self.workers.append(_Worker(process, ours))
        return self.workers[-1]

    def _hear(self, worker: _Worker) -> None:
        try:
            message = worker.pipe.recv()
        except (EOFError, OSError):
            self._bury(worker)
            return
        if message is None:
            worker.cell = None
        elif isinstance(message.event, Step):
            self.observer.advanced(message.cell, message.event)
        elif isinstance(message.event, Ending):
            self.observer.ended(message.cell, message.event)
        else:
            self.observer.started(message.cell)

    def _bury(self, worker: _Worker) -> None:
        worker.process.join()
        self.workers.remove(worker)
        cell, exit_code = worker.cell, worker.process.exitcode
        worker.pipe.close()
        worker.process.close()
        if cell is None:
            return
        code = cell_code(cell, experiments(self.packages))
        if self._has_finished(cell, code):
            return  # it died between writing the record and saying so
        error = WorkerDiedError(f"the worker process ended with {_named(exit_code)} in the middle of the cell")
        seconds = time.perf_counter() - worker.since
        record_failure(cell, self.records_dir, error, seconds, code)
        self.observer.ended(cell, Ending("failed", seconds, f"{type(error).__name__}: {error}"))

    def _give_up(self, worker: _Worker) -> None:
        """End a worker whose cell has not stopped by itself; the cell has no record."""
        cell = worker.cell
        worker.process.kill()
        worker.process.join()
        self.workers.remove(worker)
        worker.pipe.close()
        worker.process.close()
        if cell is None:
            return
        code = cell_code(cell, experiments(self.packages))
        if self._has_finished(cell, code):
            return
        seconds = time.perf_counter() - worker.since
        note_lost(self.records_dir, cell.key, code, seconds)
        self.observer.ended(cell, Ending("stopped", seconds, "the time is up, and it did not come to a next step"))

    def _has_finished(self, cell: Cell, code: str) -> bool:
        header = read_header(record_path(self.records_dir, cell, code))
        return header is not None and header["status"] == "finished"


def _named(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        return f"signal {signal.Signals(-exit_code).name}"
    return f"exit code {exit_code}"


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def _environment_of_worker(threads: int) -> Iterator[None]:
    """Give a process that starts inside the block its share of threads, and let it ignore Ctrl-C from the first moment.

    Numerical libraries read the number of threads once, when they are loaded; a process inherits an ignored signal.
    """
    variables = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    before = {name: os.environ.get(name) for name in variables}
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.update(dict.fromkeys(variables, str(threads)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
