"""Solves by the recordings kept of their vector fields."""

from __future__ import annotations

from typing import Protocol

from suite.solvers.graphs.choice import insists
from suite.solvers.graphs.kept import NoEndError, kept_for
from suite.solvers.graphs.recordable import Recordable
from suite.solvers.graphs.recorder import GraphRecorder
from suite.solvers.graphs.resident import ResidentBuffers
from suite.solvers.graphs.resident_solve import ResidentSolve, count
from suite.solvers.solution import Statistics
from suite.solvers.vector_field import PackedField, without_counters


class Solved(Protocol):
    """A problem, forward or reverse, as far as this module has to know it."""

    @property
    def field(self) -> PackedField:
        """The vector field on the packed state."""
        ...

    @property
    def statistics(self) -> Statistics:
        """Cost so far."""
        ...

    @property
    def compile(self) -> bool:
        """Whether steps are compiled together with the vector field."""
        ...

    @property
    def graph(self) -> str:
        """Whether steps are recorded and replayed."""
        ...


def solve_by_recording(recorder: GraphRecorder, solve: Recordable, problem: Solved) -> ResidentBuffers:
    """Solve by the recording kept of the vector field, and return where the results lie.

    Args:
        recorder: Makes the recording where there is none.
        solve: The solve.
        problem: What it solves.

    Raises:
        NotRecordedError: When the recording cannot be made.
        NoEndError: When the solve comes to no end.
    """
    subject, _ = without_counters(problem.field.vector_field)
    loop = problem.graph == "loop"

    def record() -> ResidentSolve:
        return ResidentSolve(recorder, solve.on(solve.buffers()), solve.prepare, loop=loop)

    at_once = problem.compile or insists(problem.graph)
    kept: ResidentSolve = kept_for(subject).get(subject, (loop, solve.key), record, at_once=at_once)
    kept.resident.give(*solve.given())
    solve.prepare(kept.resident.buffers)
    outcome = kept.run()
    if outcome.lost:
        count(problem.statistics, outcome)
        raise NoEndError("the solve comes to no end, and the host finds out why")
    solve.settle(outcome)
    return kept.resident.buffers
