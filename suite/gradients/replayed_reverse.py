"""Reverse solves of the continuous adjoint by replaying recordings, as forward solves are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch

from suite.gradients.replayed_reverse_adaptive import key_of_problem, replay_adaptively, solve_inside
from suite.gradients.reverse_adaptive import AdaptiveReverse
from suite.gradients.reverse_problem import Reverse
from suite.gradients.reverse_segments import FixedReverse
from suite.solvers.callbacks import Callbacks
from suite.solvers.graphs.choice import attempt, insists, obstacles_of_field, require, weakly
from suite.solvers.graphs.inner_solves import InnerSolves
from suite.solvers.graphs.kept import NotRecordedError, kept_for
from suite.solvers.graphs.recorded_grid import RecordedGrid, record_grid
from suite.solvers.graphs.recorder import GraphRecorder
from suite.solvers.method import ExplicitRungeKutta
from suite.solvers.options import AdaptiveOptions, FixedGridOptions, read_options
from suite.solvers.solution import Statistics
from suite.solvers.vector_field import PackedField, VectorField, count_evaluations, without_counters


def replayed(solver: Reverse) -> bool:
    """Do what ``solver.run()`` does by replaying a recording; return False where the host has to do it."""
    problem = solver.problem

    def replay(recorder: GraphRecorder) -> bool:
        require(_obstacles(solver))
        if isinstance(solver, FixedReverse):
            _replay_grid(recorder, solver)
        else:
            replay_adaptively(recorder, _adaptive(solver))
        return True

    def inside(solves: InnerSolves) -> bool:
        require(_obstacles(solver))
        solve_inside(solves, _adaptive(solver))
        return True

    # The host's steps over a fixed grid can be part of a larger recording.
    larger = None if isinstance(solver, FixedReverse) else inside
    return bool(attempt(replay, problem.states.device, problem.graph, problem.statistics, inside=larger))


def _adaptive(solver: Reverse) -> AdaptiveReverse:
    if not isinstance(solver, AdaptiveReverse):
        raise NotRecordedError("the reverse solve goes output by output")
    return solver


def _obstacles(solver: Reverse) -> Iterator[tuple[bool, str]]:
    problem = solver.problem
    yield Callbacks.of(solver.augmented, lambda flat: flat) is not None, "the vector field is told of every step"
    yield from obstacles_of_field(without_counters(problem.field.vector_field)[0], problem.graph)


def _replay_grid(recorder: GraphRecorder, solver: FixedReverse) -> None:
    """Replay fixed steps: the operations of the host's, compiled ones where these are, in the same order."""
    problem, method = solver.problem, solver.problem.method
    subject, counters = without_counters(problem.field.vector_field)
    if not isinstance(method, ExplicitRungeKutta):
        raise NotRecordedError("the method is not an explicit Runge-Kutta method")
    options = read_options(problem.options, FixedGridOptions, AdaptiveOptions)
    key = ("reverse grid", method.tableau, options, tuple(solver.values), key_of_problem(problem))

    def record() -> RecordedGrid:
        return _record_grid(recorder, solver, subject)

    grid: RecordedGrid = kept_for(subject).get(subject, key, record, at_once=insists(problem.graph))
    solver.z, fields = grid.run(problem.statistics, problem.states, problem.cotangents)
    solver.fields |= dict(enumerate(fields, 1))
    count_evaluations(problem.field, counters, grid.evaluations)


def _record_grid(recorder: GraphRecorder, solver: FixedReverse, subject: VectorField) -> RecordedGrid:
    problem = solver.problem
    with torch.inference_mode(False), torch.no_grad():
        states, cotangents, z = problem.states.clone(), problem.cotangents.clone(), torch.zeros_like(solver.z)
        fields = torch.zeros_like(states[1:])  # at every output but the first
    template = replace(
        problem,
        field=PackedField(weakly(subject), problem.field.layout),  # which keeps it not alive
        t=torch.tensor(solver.values, dtype=torch.float64).to(problem.t.dtype),
        states=states,
        cotangents=cotangents,
    )

    def walk(field: PackedField, statistics: Statistics) -> object:
        inner = FixedReverse(replace(template, field=field, statistics=statistics))
        inner.run()
        z.copy_(inner.z)
        for index, value in inner.fields.items():
            fields[index - 1].copy_(value)
        return inner.method

    return record_grid(
        recorder,
        walk,
        (states, cotangents),
        (z, fields),
        subject,
        problem.field.layout,
        compiled=problem.compile,
        products=True,
    )
