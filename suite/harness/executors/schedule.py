"""Which cells of a pool run next: those whose needs have run, and none beside one that has to be alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from suite.declarations import Cell


@dataclass(frozen=True)
class Job:
    """What one process does at a time.

    Attributes:
        cells: The cells: one, or several that run together as one batched model.
        alone: Whether no other process may use the device meanwhile.
    """

    cells: tuple[Cell, ...]
    alone: bool = False

    @property
    def keys(self) -> frozenset[str]:
        """Keys of its cells."""
        return frozenset(cell.key for cell in self.cells)


class Schedule:
    """Jobs that wait, in the order in which they are wanted, and those that run.

    A job that is to be alone waits until nothing runs, and nothing starts while it waits: the order stays as it is.
    """

    def __init__(self, jobs: Sequence[Job], needs: Mapping[str, Collection[str]], at_a_time: int) -> None:
        """Begin with nothing running.

        Args:
            jobs: The jobs.
            needs: By the key of a cell those of the cells that it needs; unknown ones count as finished.
            at_a_time: How many run at most.
        """
        self._waiting = list(jobs)
        self._needs = needs
        self._at_a_time = at_a_time
        self._again: list[Job] = []
        self.running: list[Job] = []

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting and not self._again

    @property
    def again(self) -> list[Cell]:
        """The cells that wait for their second run."""
        return [cell for job in self._again for cell in job.cells]

    def next(self) -> Job | None:
        """Return a job that starts now, or None while there is none to start."""
        if len(self.running) >= self._at_a_time or any(job.alone for job in self.running):
            return None
        job = self._ready(self._waiting)
        if job is not None and job.alone and self.running:
            return None
        if job is None and not self.running:
            job = self._ready(self._again)
        if job is not None:
            (self._waiting if job in self._waiting else self._again).remove(job)
            self.running.append(job)
        return job

    def ended(self, job: Job) -> None:
        """Say that a job has ended."""
        self.running.remove(job)

    def put_back(self, cell: Cell) -> None:
        """Let a cell run once more, alone, when everything else that can has run."""
        self._again.append(Job((cell,), alone=True))

    def _ready(self, jobs: Sequence[Job]) -> Job | None:
        unfinished = {key for job in (*self._waiting, *self._again, *self.running) for key in job.keys}
        for job in jobs:
            needed = {key for cell in job.cells for key in self._needs.get(cell.key, ())}
            if not needed & (unfinished - job.keys):
                return job
        return None
