"""What a solve returns."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor

from suite.solvers.errors import InvalidProblemError
from suite.solvers.stage_sum import Time
from suite.solvers.state import State, StateLayout
from suite.solvers.times import number


@dataclass
class Statistics:
    """Cost of a solve.

    Attributes:
        nfe: Evaluations of the vector field.
        accepted: Steps accepted.
        rejected: Steps rejected.
        host_syncs: How often the host waited for the device.
        error_estimate: Norm of the local error of the last accepted step, in units of the tolerance; not-a-number for
            a method that estimates none.
        graph_replays: Recordings replayed (see ``suite.solvers.graphs``): of a fixed grid one, of adaptive stepping one
            a step and one more, steps after the end among them.
        graph_fallback: Why the host took the steps where a recording might have been replayed; empty where it was, and
            on a device without recordings.
    """

    nfe: int = 0
    accepted: int = 0
    rejected: int = 0
    host_syncs: int = 0
    error_estimate: float = float("nan")
    graph_replays: int = 0
    graph_fallback: str = ""


class DenseStep(Protocol):
    """A step that gives the solution at every time inside it.

    Attributes:
        start: Time at the start.
        size: Signed step size.
        y0: State at the start.
        y1: State at the end.
    """

    start: Time
    size: Time
    y0: Tensor
    y1: Tensor

    def interpolate(self, t: Time) -> Tensor:
        """Return the packed state at a time inside the step."""
        ...


@dataclass(frozen=True, eq=False)
class Interpolant:
    """The solution at any time between the first and the last output, by each step's continuous extension."""

    layout: StateLayout
    steps: Sequence[DenseStep]
    ends: list[float] = field(init=False)

    def __post_init__(self) -> None:
        if not self.steps:
            raise InvalidProblemError("dense output needs two different times")
        ends = [number(self.steps[0].start), *(number(step.start + step.size) for step in self.steps)]
        object.__setattr__(self, "ends", ends)

    def __call__(self, t: float | Tensor) -> State:
        """Return the state at time ``t``.

        Raises:
            InvalidProblemError: When ``t`` lies outside the interval of the solve.
        """
        first, last, time = self.ends[0], self.ends[-1], number(t)
        direction = 1 if last > first else -1
        slack = 1e-12 * abs(last - first)
        if not -slack <= direction * (time - first) <= abs(last - first) + slack:
            raise InvalidProblemError(f"the solution is known from {first:g} to {last:g}, not at {time:g}")
        forwards = [direction * end for end in self.ends]
        index = bisect.bisect_left(forwards, direction * time, 1, len(forwards) - 1) - 1
        return self.layout.unpack(self.steps[index].interpolate(t))


@dataclass(frozen=True, eq=False)
class Solution:
    """The solution of an initial value problem.

    Attributes:
        times: Output times, shape ``[outputs]``.
        states: States there: shape ``[outputs, *y0.shape]``, or a tuple of these. Fewer than asked for in the solution
            that an error carries.
        statistics: What the solve cost.
        interpolant: The solution at any time in between, where ``dense=True`` was asked for.
        backward: What the backward pass cost; zeros before it has run, and where autograd goes through the solver.
        event_time: When the event happened that ended the solve, a 0-dimensional tensor; None where none was asked for.
    """

    times: Tensor
    states: State
    statistics: Statistics
    interpolant: Interpolant | None = None
    backward: Statistics = field(default_factory=Statistics)
    event_time: Tensor | None = None
