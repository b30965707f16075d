"""Reverse solves of the continuous adjoint by replaying recordings, as forward solves are."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from suite.gradients.augmented import AugmentedField
from suite.gradients.compiled_adjoint import AugmentedEvaluation
from suite.gradients.reverse_adaptive import DRIFT, AdaptiveReverse
from suite.gradients.reverse_problem import Reverse, ReverseProblem
from suite.gradients.reverse_segments import FixedReverse
from suite.solvers.callbacks import Callbacks
from suite.solvers.error_norm import ErrorScale, MixedNorm
from suite.solvers.graphs.choice import attempt, insists, obstacles_of_field, require, weakly
from suite.solvers.graphs.compiled_resident import CompiledIntegrator
from suite.solvers.graphs.kept import NoEndError, NotRecordedError, kept_for
from suite.solvers.graphs.recorded_grid import RecordedGrid, record_grid
from suite.solvers.graphs.recorder import GraphRecorder
from suite.solvers.graphs.resident import DriftLimit, Integrator, ResidentBuffers, ResidentIntegrator
from suite.solvers.graphs.resident_solve import ResidentSolve, count, fill
from suite.solvers.method import ExplicitRungeKutta
from suite.solvers.options import AdaptiveOptions, FixedGridOptions, read_options
from suite.solvers.runge_kutta import RungeKutta
from suite.solvers.solution import Statistics
from suite.solvers.vector_field import CountedField, PackedField, VectorField, without_counters

_MOST_EVALUATIONS = 2048  # in one graph; each has a vector-Jacobian product beside it


def replayed(solver: Reverse) -> bool:
    """Do what ``solver.run()`` does by replaying a recording; return False where the host has to do it."""
    problem = solver.problem

    def replay(recorder: GraphRecorder) -> bool:
        subject, counters = without_counters(problem.field.vector_field)
        require(_obstacles(solver, subject))
        if isinstance(solver, FixedReverse):
            evaluations = _replay_grid(recorder, solver, subject)
        elif isinstance(solver, AdaptiveReverse):
            evaluations = _replay_adaptively(recorder, solver, subject)
        else:
            raise NotRecordedError("the reverse solve goes output by output")
        _count(problem, counters, evaluations)
        return True

    return bool(attempt(replay, problem.states.device, problem.graph, problem.statistics))


def _obstacles(solver: Reverse, subject: VectorField) -> Iterator[tuple[bool, str]]:
    problem = solver.problem
    yield Callbacks.of(solver.augmented, lambda flat: flat) is not None, "the vector field is told of every step"
    yield from obstacles_of_field(subject, problem.graph)


def _count(problem: ReverseProblem, counters: list[CountedField], evaluations: int) -> None:
    problem.field.nfe += evaluations
    for counter in counters:
        counter.nfe += evaluations


def _key(problem: ReverseProblem) -> Hashable:
    """Return what a recording fixes beside the field, whatever its steps."""
    parameters = tuple([(value.data_ptr(), value.shape, value.stride()) for value in problem.parameters])
    return problem.field.layout, problem.variant, problem.compile, parameters, problem.states.shape


def _replay_grid(recorder: GraphRecorder, solver: FixedReverse, subject: VectorField) -> int:
    """Replay fixed steps: the operations of the host's, compiled ones where these are, in the same order."""
    problem, method = solver.problem, solver.problem.method
    if not isinstance(method, ExplicitRungeKutta):
        raise NotRecordedError("the method is not an explicit Runge-Kutta method")
    options = read_options(problem.options, FixedGridOptions, AdaptiveOptions)
    key = ("reverse grid", method.tableau, options, tuple(solver.values), _key(problem))

    def record() -> RecordedGrid:
        return _record_grid(recorder, solver, subject)

    grid: RecordedGrid = kept_for(subject).get(subject, key, record, at_once=insists(problem.graph))
    solver.z, fields = grid.run(problem.statistics, problem.states, problem.cotangents)
    solver.fields |= dict(enumerate(fields, 1))
    return grid.evaluations


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
        most=_MOST_EVALUATIONS,
    )


@dataclass(frozen=True, eq=False)
class _RecordedReverse:
    """A recorded adaptive reverse solve.

    Attributes:
        solve: The solve of the augmented state.
        states: Where the stored outputs at the stops are put, shape ``[stops, n]``.
        cotangents: Where the gradients of the loss with respect to them are put, likewise.
        watched: Where the other stored outputs are put, shape ``[inner, n]``.
    """

    solve: ResidentSolve
    states: Tensor
    cotangents: Tensor
    watched: Tensor


def _replay_adaptively(recorder: GraphRecorder, solver: AdaptiveReverse, subject: VectorField) -> int:
    """Replay adaptive steps that stop at every output."""
    problem, values = solver.problem, solver.values
    tableau, settings = solver.method.tableau, solver.settings
    require(_obstacles_of_control(solver))
    carries = _carries(problem)
    inner = range(len(values) - 2, 0, -1)
    stops, watched = [*(i for i in inner if carries[i]), 0], [i for i in inner if not carries[i]]
    counts = len(stops), len(watched)
    if watched and solver.method.coefficients.inside.added_nodes:
        raise NotRecordedError("dense output of this method, by which drift is seen, evaluates the field inside a step")
    loop = problem.graph == "loop"
    key = (
        "reverse adaptive",
        loop,
        tableau,
        settings,
        problem.rtol,
        problem.atol,
        solver.scale.norm,
        counts,
        _key(problem),
    )

    def prepare(buffers: ResidentBuffers) -> None:
        ends, between = ([values[i] for i in indices] for indices in (stops, watched))
        fill(buffers, solver.z, [values[-1], *ends], between, settings.max_num_steps)

    def record() -> _RecordedReverse:
        return _record_adaptively(recorder, solver, subject, prepare, *counts, loop=loop)

    at_once = problem.compile or insists(problem.graph)
    found: _RecordedReverse = kept_for(subject).get(subject, key, record, at_once=at_once)
    for place, rows, indices in (
        (found.states, problem.states, stops),
        (found.cotangents, problem.cotangents, stops),
        (found.watched, problem.states, watched),
    ):
        if indices:
            place.copy_(torch.stack([rows[index] for index in indices]))
    prepare(found.solve.buffers)
    outcome = found.solve.run()
    count(problem.statistics, outcome)
    if outcome.lost:
        raise NoEndError("the reverse solve comes to no end, and the host finds out why")
    solver.z = found.solve.buffers.y.clone()
    known = tableau.first_same_as_last and counts == (1, 0)
    at_end = bool(watched) and not tableau.first_same_as_last
    return 1 + (settings.first_step is None) + outcome.tried * (tableau.stages - known + at_end)


@dataclass(frozen=True)
class _AtOutput:
    """Goes on from the stored state with the output's cotangent added.

    Attributes:
        n: Entries of the state.
    """

    n: int

    def __call__(self, stored: tuple[Tensor, ...], index: Tensor, z: Tensor) -> Tensor:
        """Return ``(y, a, g)`` after the stop of this index, shape ``[1]``."""
        state, cotangent = (values.index_select(0, index).view(-1) for values in stored[:2])
        return torch.cat([state, z[self.n : 2 * self.n] + cotangent, z[2 * self.n :]])


def _record_adaptively(
    recorder: GraphRecorder,
    solver: AdaptiveReverse,
    subject: VectorField,
    prepare: Callable[[ResidentBuffers], None],
    stops: int,
    watched: int,
    *,
    loop: bool,
) -> _RecordedReverse:
    problem, tableau = solver.problem, solver.method.tableau
    with torch.inference_mode(False), torch.no_grad():
        stored = tuple([problem.states.new_zeros((count, solver.n)) for count in (stops, stops, watched)])
        buffers = ResidentBuffers.like(solver.z, stops, watched)

    layout = problem.field.layout
    arrival = _AtOutput(solver.n) if stops > 1 else None
    drift = DriftLimit(tuple(layout.sizes), DRIFT) if watched else None
    scale = ErrorScale(problem.rtol, problem.atol, solver.scale.norm, solver.scale.entries)
    controller = solver.settings.controller(tableau.order)
    integrator: Integrator
    if problem.compile:
        evaluation = AugmentedEvaluation.of(subject, layout, problem.inside)
        integrator = CompiledIntegrator(
            tableau, evaluation, subject, scale, controller, buffers, arrival, drift, stored
        )
    else:
        field = AugmentedField(PackedField(weakly(subject), layout), problem.inside)
        met = None if arrival is None else partial(arrival, stored)
        method = RungeKutta(tableau, buffers.y)
        integrator = ResidentIntegrator(method, field, scale, controller, buffers, met, drift, stored[-1])
    solve = ResidentSolve(recorder, buffers, integrator, solver.settings.first_step, prepare, loop=loop)
    return _RecordedReverse(solve, *stored)


def _obstacles_of_control(solver: AdaptiveReverse) -> Iterator[tuple[bool, str]]:
    problem = solver.problem
    yield problem.states.is_complex(), "the state is complex"
    yield solver.outside, "the variant quadrature integrates over steps that the host takes"
    yield bool(solver.settings.jump_t or solver.settings.step_t), "jump_t and step_t are times at which the host stops"
    yield not isinstance(solver.scale.norm, MixedNorm), "the norm of the reverse solve is the user's own"
    if len(solver.values) > 2:
        yield problem.variant == "segments", "the variant segments chooses a first step at every output"


def _carries(problem: ReverseProblem) -> list[bool]:
    """Return on which outputs the loss depends, where there are any but the first and the last."""
    if len(problem.cotangents) == 2:
        return [True, True]
    problem.statistics.host_syncs += 1
    found: list[bool] = (problem.cotangents != 0).any(dim=1).tolist()
    return found
