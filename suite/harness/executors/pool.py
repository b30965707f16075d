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
from suite.harness.executors.schedule import Job, Schedule
from suite.harness.executors.worker import Finished, Message, Order, work
from suite.harness.grouping import Together, grouped
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
    together: Together = "auto",
) -> None:
    """Run cells in at most ``jobs`` processes, each after those it needs, and write their records.

    The processes share the cores evenly; one alone takes as many threads as this process. When one dies, its cell is a
    failed record that names the signal or exit code, and another process takes its place. All are stopped when this
    function is left, by an exception too. What the deadline stops has no record, and nothing starts after it.

    On a CUDA device the processes also share the memory evenly. A cell that fails because its share is used up runs
    once more at the end, with all of the memory; and nothing runs beside a variant that its experiment declares
    ``alone``, because what it measures would be slowed down.
    """
    threads = torch.get_num_threads() if jobs == 1 else max(1, cores() // jobs)
    pool = _Pool(records_dir, data_dir, observer, packages, threads, jobs, deadline)
    try:
        pool.run(grouped(cells, experiments(packages), together))
    finally:
        pool.stop()


@dataclass(eq=False)
class _Worker:
    process: SpawnProcess
    pipe: Connection[Order | None, Message | Finished]
    job: Job | None = None
    since: float = 0.0

    def give(self, job: Job, processes: int) -> None:
        self.job, self.since = job, time.perf_counter()
        with suppress(OSError):  # it died while idle; reading from it says so, and its cells are recorded then
            self.pipe.send(Order(job.cells, processes, alone=job.alone))


@dataclass
class _Pool:
    records_dir: Path
    data_dir: Path | None
    observer: Observer
    packages: Sequence[str]
    threads: int
    at_a_time: int
    deadline: Deadline
    workers: list[_Worker] = field(default_factory=list)
    schedule: Schedule = field(init=False)
    _postponed: dict[str, Ending] = field(default_factory=dict)  # by key, how cells ended that run once more

    def run(self, groups: Sequence[tuple[Cell, ...]]) -> None:
        jobs = [Job(group, alone=self._shares_device(group[0]) and self._is_alone(group[0])) for group in groups]
        needs = {cell.key: self._needed_keys(cell) for group in groups for cell in group}
        self.schedule = Schedule(jobs, needs, self.at_a_time)
        while self._busy() or not (self.schedule.is_empty or self.deadline.asks_to_stop):
            while not self.deadline.asks_to_stop and (job := self.schedule.next()) is not None:
                self._idle_worker().give(job, self.at_a_time)
            for pipe in connection.wait([worker.pipe for worker in self._busy()], self.deadline.seconds_left):
                self._hear(next(worker for worker in self.workers if worker.pipe is pipe))
            if self.deadline.has_ended:
                for worker in self._busy():
                    self._give_up(worker)
        for cell in self.schedule.again:  # there was no time for a second run
            self.observer.ended(cell, self._postponed[cell.key])

    def stop(self) -> None:
        """End every worker: at once when it is in the middle of a cell."""
        for worker in self.workers:
            if worker.job is None:
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

    def _is_alone(self, cell: Cell) -> bool:
        return cell.variant in experiments(self.packages)[cell.experiment].alone

    def _shares_device(self, cell: Cell) -> bool:
        return self.at_a_time > 1 and _on_a_shared_device(cell)

    def _busy(self) -> list[_Worker]:
        return [worker for worker in self.workers if worker.job is not None]

    def _idle_worker(self) -> _Worker:
        for worker in self.workers:
            if worker.job is None:
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
        if isinstance(message, Finished):
            self._release(worker)
            if not message.goes_on:
                self._remove(worker)
        elif isinstance(message.event, Step):
            self.observer.advanced(message.cell, message.event)
        elif isinstance(message.event, Ending):
            self._end(worker, message.cell, message.event)
        elif message.cell.key not in self._postponed:
            self.observer.started(message.cell)

    def _end(self, worker: _Worker, cell: Cell, ending: Ending) -> None:
        """Tell how a cell ended, unless it is to run once more with all of the device's memory."""
        shared = worker.job is not None and not worker.job.alone
        if ending.out_of_memory and shared and self._shares_device(cell) and cell.key not in self._postponed:
            self._once_more(cell, ending)
        else:
            self.observer.ended(cell, ending)

    def _once_more(self, cell: Cell, ending: Ending) -> None:
        self._postponed[cell.key] = ending
        self.schedule.put_back(cell)

    def _release(self, worker: _Worker) -> None:
        if worker.job is not None:
            self.schedule.ended(worker.job)
            worker.job = None

    def _remove(self, worker: _Worker) -> int | None:
        """Forget a process that ends by itself, and return its exit code."""
        worker.process.join()
        exit_code = worker.process.exitcode
        self.workers.remove(worker)
        worker.pipe.close()
        worker.process.close()
        return exit_code

    def _bury(self, worker: _Worker) -> None:
        job = worker.job
        self._release(worker)
        exit_code = self._remove(worker)
        seconds = time.perf_counter() - worker.since
        for cell, code in self._unfinished(job):
            error = WorkerDiedError(f"the worker process ended with {_named(exit_code)} in the middle of the cell")
            record_failure(cell, self.records_dir, error, seconds, code)
            ending = Ending("failed", seconds, f"{type(error).__name__}: {error}")
            if job is not None and len(job.cells) > 1:  # which of the cells it died of is not known
                self._once_more(cell, ending)
            else:
                self.observer.ended(cell, ending)

    def _give_up(self, worker: _Worker) -> None:
        """End a worker whose cell has not stopped by itself; the cell has no record."""
        job = worker.job
        worker.process.kill()
        self._release(worker)
        self._remove(worker)
        seconds = time.perf_counter() - worker.since
        for cell, code in self._unfinished(job):
            note_lost(self.records_dir, cell.key, code, seconds)
            self.observer.ended(cell, Ending("stopped", seconds, "the time is up, and it did not come to a next step"))

    def _unfinished(self, job: Job | None) -> Iterator[tuple[Cell, str]]:
        """Yield the cells of a process that is gone which have no record, with their code.

        A process may have gone between writing a record and saying so.
        """
        for cell in job.cells if job is not None else ():
            code = cell_code(cell, experiments(self.packages))
            if not self._has_finished(cell, code):
                yield cell, code

    def _has_finished(self, cell: Cell, code: str) -> bool:
        header = read_header(record_path(self.records_dir, cell, code))
        return header is not None and header["status"] == "finished"


def _on_a_shared_device(cell: Cell) -> bool:
    return cell.device == "cuda"


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
