"""Adaptive solves inside a recording of more than a solve, such as a training step."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from suite.solvers.deferred_counts import Action, deferring, once_counted
from suite.solvers.graphs.kept import NoEndError
from suite.solvers.graphs.recordable import Recordable
from suite.solvers.graphs.recorder import NotCapturableError
from suite.solvers.graphs.resident import ResidentBuffers
from suite.solvers.graphs.resident_solve import Resident, ResidentOutcome, outcome_of

_BURST = 8  # steps between two looks where steps are measured
_SPARE, _SPARE_STEPS = 1.25, 2  # a recording has so many times the steps that were needed, and so many more


@dataclass(eq=False)
class InnerSolve:
    """One solve of a recording: its start and a fixed number of steps, of which those after the end change nothing.

    Attributes:
        key: What it fixes; another solve in its place is another recording.
        buffers: Where it stands, with its times.
        start: The time at which it starts, shape ``[1]``.
        steps: How many steps a recording takes.
    """

    key: Hashable
    buffers: ResidentBuffers
    start: Tensor
    steps: int = 0

    def take(self, resident: Resident, y: Tensor, stored: Sequence[Tensor], *, measured: bool) -> None:
        """Solve from a state, with as many steps as it needs or with those of a recording.

        Args:
            resident: The algorithm on the buffers.
            y: The state at the start.
            stored: What the algorithm reads beside it.
            measured: Whether as many as it needs.

        Raises:
            NoEndError: When it needs more steps than there are.
        """
        buffers, integrator = self.buffers, resident.integrator
        with torch.inference_mode(False), torch.no_grad():
            resident.give(*stored)
            buffers.progress[:1].copy_(self.start)
            buffers.y.copy_(y)
            integrator.start(resident.first_step)
            if not measured:
                for _ in range(self.steps):
                    integrator.step()
                return
            goes_on = True
            while goes_on:
                for _ in range(_BURST):
                    integrator.step()
                outcome = outcome_of(buffers.progress.tolist(), waits=0, replays=0)
                goes_on = not outcome.ended
                if outcome.lost:
                    raise NoEndError("a solve comes to no end, and the host finds out why")

    def provide(self, tried: int) -> None:
        """Have enough steps in a recording for a solve of so many."""
        if tried > self.steps:
            self.steps = math.ceil(_SPARE * tried) + _SPARE_STEPS


class InnerSolves:
    """The adaptive solves of some work, in their order.

    The work is done under :meth:`measured` first, where every solve takes the steps that it needs and the host looks
    on; then it is recorded under :meth:`recorded`, with a few steps more for every solve than it needed. Whether these
    are still enough, :meth:`settle` says after a replay. Where they are not, what was replayed is worth nothing: the
    work is measured and recorded again.

    Attributes:
        obstacle: Why the solves of the work cannot be part of a recording, in a sentence; empty where they can.
    """

    def __init__(self) -> None:
        self.obstacle = ""
        self._solves: list[InnerSolve] = []
        self._actions: list[Action] = []
        self._outcomes: list[ResidentOutcome] = []
        self._kept: list[Resident] = []  # whose constants a recording reads
        self._position = 0
        self._measures = False

    def __len__(self) -> int:
        """Return how many solves there are."""
        return len(self._solves)

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Let every solve of the work inside take the steps that it needs."""
        with self._taken(measures=True):
            yield
        del self._solves[self._position :]

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Let every solve of the work inside take the steps of a recording.

        Raises:
            NotCapturableError: When the solves are not those that were measured.
        """
        with self._taken(measures=False):
            yield
        if self._position < len(self._solves):
            raise NotCapturableError(_OTHER_SOLVES)

    @contextmanager
    def _taken(self, *, measures: bool) -> Iterator[None]:
        self._position, self._measures = 0, measures
        self._actions.clear()
        self._kept.clear()
        _current.append(self)
        try:
            with deferring(self._actions):
                yield
        finally:
            _current.remove(self)

    def solve(self, given: Recordable) -> ResidentBuffers:
        """Take the next solve of the work, and return where its results lie.

        The algorithm is made anew every time that the work is done: its field may be another object. What it has cost
        is counted after every replay.

        Raises:
            NoEndError: When it is measured and comes to none.
            NotCapturableError: When it is another solve than the one that was measured in its place.
        """
        place, self._position = self._position, self._position + 1
        # The times are part of what it fixes, as nobody copies them between replays.
        key = given.key, given.times
        known = place < len(self._solves) and self._solves[place].key == key
        if not known and not self._measures:
            raise NotCapturableError(_OTHER_SOLVES)
        with torch.inference_mode(False), torch.no_grad():
            if not known:
                buffers = given.buffers()
                given.prepare(buffers)
                self._solves[place:] = [InnerSolve(key, buffers, buffers.progress[:1].clone())]
            solve = self._solves[place]
            resident = given.on(solve.buffers)
        self._kept.append(resident)
        try:
            solve.take(resident, given.start, given.given(), measured=self._measures)
        except NoEndError:  # the host takes it, and counts it
            del self._solves[place:]
            self._position = place
            raise
        once_counted(lambda: given.settle(self._outcomes[place]))
        return solve.buffers

    def settle(self) -> bool:
        """Say whether all solves came to their ends in the steps they had, and count what was done if so.

        The host waits for the device once, where there are solves.
        """
        self._read()
        if not all(outcome.ended for outcome in self._outcomes):
            return False
        for action in self._actions:
            action()
        return True

    def provide(self) -> None:
        """Provide for solves as they were when last settled."""
        for solve, found in zip(self._solves, self._outcomes, strict=True):
            solve.provide(found.tried)

    def _read(self) -> None:
        if self._solves:
            numbers: list[list[float]] = torch.stack([solve.buffers.progress for solve in self._solves]).tolist()
            # They share one wait, which is counted as the first one's.
            self._outcomes = [outcome_of(each, waits=int(place == 0), replays=0) for place, each in enumerate(numbers)]


_OTHER_SOLVES = "the work solves other problems than it did before"
_current: list[InnerSolves] = []  # under way; the backward pass of one runs in a thread of its own


def inner_solves() -> InnerSolves | None:
    """Return the solves of which the present one is to be part, None where it stands by itself."""
    return _current[-1] if _current else None
