"""A recorded adaptive solve: a start and a step, replayed until the solve is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from suite.solvers.graphs.recorder import GraphRecorder, recorded
from suite.solvers.graphs.resident import Integrator, ResidentBuffers
from suite.solvers.solution import Statistics

_FIRST_BURST = 16
_NEXT_BURST = 8  # steps between two looks at whether the solve is done: an eighth of a wait a step


@dataclass(frozen=True)
class ResidentOutcome:
    """What a replayed solve did, as the host has read it.

    Attributes:
        ended: Whether it came to its end.
        lost: Whether it never will: a step that cannot be resolved, a state that is not finite, or too many steps.
        accepted: Steps accepted.
        tried: Steps tried.
        error: Error of the last accepted one, in units of the tolerance.
        waits: How often the host waited for the device.
        replays: Recordings replayed, steps after the end among them; all steps that the device repeats are one.
    """

    ended: bool
    lost: bool
    accepted: int
    tried: int
    error: float
    waits: int
    replays: int


@dataclass(frozen=True, eq=False)
class Resident:
    """An adaptive solve on the device, ready for problems of one kind.

    Attributes:
        buffers: Where it stands.
        integrator: The algorithm on these.
        first_step: The first step size; None to choose it.
        stored: What the algorithm reads beside the buffers.
    """

    buffers: ResidentBuffers
    integrator: Integrator
    first_step: float | None
    stored: tuple[Tensor, ...] = ()

    def give(self, *values: Tensor) -> None:
        """Put other values into what is stored."""
        for place, value in zip(self.stored, values, strict=True):
            place.copy_(value)


class ResidentSolve:
    """Replays the start and the steps of adaptive solves of one kind.

    The host looks at whether a solve is done after as many steps as the last one of its kind took, and then after every
    eighth step; where the device itself repeats the steps, once.

    Args:
        recorder: Records the work.
        resident: What is solved, and how.
        prepare: Fills its buffers with a first problem to be recorded with.
        loop: Whether the device repeats the steps until the end.

    Attributes:
        resident: As above; the recordings read its constants.
    """

    def __init__(
        self,
        recorder: GraphRecorder,
        resident: Resident,
        prepare: Callable[[ResidentBuffers], None],
        *,
        loop: bool = False,
    ) -> None:
        self.resident = resident
        self._loop = loop
        self._burst = 1 if loop else _FIRST_BURST
        buffers, integrator = resident.buffers, resident.integrator
        with torch.inference_mode(False), torch.no_grad():
            prepare(buffers)
            self._start = recorded(recorder, partial(integrator.start, resident.first_step))
            self._steps = recorded(recorder, integrator.step, buffers.goes_on if loop else None)

    def run(self) -> ResidentOutcome:
        """Solve the problem that the buffers have been filled with."""
        self._start()
        burst, waits, replays = self._burst, 0, 1
        while True:
            for _ in range(burst):
                self._steps()
            waits, replays = waits + 1, replays + burst
            outcome = outcome_of(self.resident.buffers.progress.tolist(), waits, replays)
            if outcome.ended or outcome.lost:
                break
            burst = _NEXT_BURST
        if not self._loop:
            self._burst = max(outcome.tried, 1)
        return outcome


def outcome_of(progress: Sequence[float], waits: int, replays: int) -> ResidentOutcome:
    """Return what a solve did, given the progress in its buffers as the host has read it."""
    _, _, error, _, accepted, tried, goes_on, lost = progress
    return ResidentOutcome(not (goes_on or lost), bool(lost), int(accepted), int(tried), error, waits, replays)


def fill(buffers: ResidentBuffers, y: Tensor, times: Sequence[float], inner: Sequence[float], limit: int) -> None:
    """Put a problem into the buffers.

    Args:
        buffers: The buffers.
        y: The state at the start.
        times: The start and the stops, the last of which is the end.
        inner: Output times inside.
        limit: Most steps to try.
    """
    start, *stops = times
    direction = 1.0 if stops[-1] > start else -1.0
    numbers = torch.tensor([start, direction, float(limit), *stops, *inner], dtype=torch.float64)
    if y.device.type == "cuda":
        numbers = numbers.pin_memory()  # so that the one copy does not wait
    numbers = numbers.to(y.device, non_blocking=True)
    for buffer, values in zip(
        (buffers.progress[:1], buffers.limits, buffers.stops, buffers.inner),
        numbers.split([1, 2, len(stops), len(inner)]),
        strict=True,
    ):
        buffer.copy_(values)
    buffers.y.copy_(y)


def count(statistics: Statistics, outcome: ResidentOutcome) -> None:
    """Add what a replayed solve cost, but for the evaluations of the field."""
    statistics.accepted += outcome.accepted
    statistics.rejected += outcome.tried - outcome.accepted
    statistics.host_syncs += outcome.waits
    statistics.graph_replays += outcome.replays
    statistics.error_estimate = outcome.error
