"""Forward solves by replaying recordings: a whole fixed grid, or adaptive steps that the host does not follow."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from suite.solvers.error_norm import ErrorScale, packed_norm, packed_tolerance
from suite.solvers.graphs.choice import attempt, insists, obstacles_of_field, one_number, require, weakly
from suite.solvers.graphs.compiled_resident import CompiledIntegrator
from suite.solvers.graphs.kept import NoEndError, kept_for
from suite.solvers.graphs.recorded_grid import RecordedGrid, record_grid
from suite.solvers.graphs.recorder import GraphRecorder
from suite.solvers.graphs.resident import Integrator, ResidentBuffers, ResidentIntegrator
from suite.solvers.graphs.resident_solve import ResidentSolve, count, fill
from suite.solvers.options import AdaptiveOptions, FixedGridOptions
from suite.solvers.problem import Problem
from suite.solvers.runge_kutta import RungeKutta
from suite.solvers.solution import Statistics
from suite.solvers.step_graph import PackedEvaluation
from suite.solvers.tableau import ButcherTableau
from suite.solvers.times import clock_of
from suite.solvers.vector_field import CountedField, PackedField, VectorField, without_counters

_MOST_EVALUATIONS = 4096  # in one graph: each is some ten launches, and a launch some hundred bytes


def replayed_adaptively(problem: Problem, settings: AdaptiveOptions, tableau: ButcherTableau) -> bool:
    """Integrate with step-size control on the device; return False where the host has to.

    The steps are those of :func:`suite.solvers.adaptive_loop.integrate_adaptively` up to rounding, compiled or not.
    Where they are to be compiled, they are recorded at the first solve: the host's would be compiled apart from them.

    Args:
        problem: The problem.
        settings: Options of the step-size control.
        tableau: The method, with an embedded solution.
    """

    def replay(recorder: GraphRecorder) -> bool:
        subject, counters = without_counters(problem.vector_field)
        require(_obstacles(problem, subject))
        require(_obstacles_of_control(problem, settings, tableau))
        layout, values = problem.field.layout, problem.values
        rtol, atol = (
            one_number(name, packed_tolerance(name, tolerance, layout))
            for name, tolerance in (("rtol", problem.rtol), ("atol", problem.atol))
        )
        inner = values[1:-1]
        # Places for a power of two of outputs, lest every number of them be recorded, and perhaps compiled, apart.
        places = 1 << (len(inner) - 1).bit_length() if inner else 0
        loop = problem.graph == "loop"
        key = ("adaptive", loop, problem.compile, tableau, settings, rtol, atol, layout, _format(problem.y0), places)

        def prepare(buffers: ResidentBuffers) -> None:
            padded = [*inner, *[math.nan] * (places - len(inner))]
            fill(buffers, problem.y0, [values[0], values[-1]], padded, settings.max_num_steps)

        def record() -> ResidentSolve:
            like = problem.y0.contiguous() if problem.compile else problem.y0
            buffers = ResidentBuffers.like(like, 1, places)
            scale = ErrorScale(rtol, atol, packed_norm(settings.norm, layout))
            controller = settings.controller(tableau.order)
            integrator: Integrator
            if problem.compile:
                # Uncompiled, so that a field that returns no state is refused in its own words.
                PackedField(subject, layout)(clock_of(values[0], layout.time_dtype, layout.device), problem.y0)
                evaluation = PackedEvaluation.of(layout)
                integrator = CompiledIntegrator(tableau, evaluation, subject, scale, controller, buffers)
            else:
                field = PackedField(weakly(subject), layout)
                integrator = ResidentIntegrator(RungeKutta(tableau, buffers.y), field, scale, controller, buffers)
            return ResidentSolve(recorder, buffers, integrator, settings.first_step, prepare, loop=loop)

        at_once = problem.compile or insists(problem.graph)
        solve = kept_for(subject).get(subject, key, record, at_once=at_once)
        prepare(solve.buffers)
        outcome = solve.run()
        count(problem.statistics, outcome)
        if outcome.lost:
            raise NoEndError("the solve comes to no end, and the host finds out why")
        same = tableau.first_same_as_last
        _count(problem, counters, 1 + (settings.first_step is None) + outcome.tried * (tableau.stages - same))
        problem.outputs.extend(solve.buffers.outputs[: len(inner)].clone().unbind())
        problem.outputs.append(solve.buffers.y.clone())
        problem.checked = same
        return True

    return bool(attempt(replay, problem.y0.device, problem.graph, problem.statistics))


Integrate = Callable[[Problem], object]
"""Integrates a problem over its grid, and returns what took the steps."""


def replayed_on_grid(problem: Problem, settings: FixedGridOptions, method: Hashable, integrate: Integrate) -> bool:
    """Integrate over a fixed grid by one replay; return False where the host has to take the steps.

    The operations are those of the host's steps, compiled ones where these are, in the same order: so are the results,
    bit for bit.

    Args:
        problem: The problem.
        settings: Options of the grid.
        method: What takes the steps, as far as it tells one recording from another.
        integrate: How the host does it.
    """

    def replay(recorder: GraphRecorder) -> bool:
        subject, counters = without_counters(problem.vector_field)
        require(_obstacles(problem, subject))
        layout = problem.field.layout
        key = ("grid", problem.compile, method, settings, tuple(problem.values), layout, _format(problem.y0))

        def record() -> RecordedGrid:
            return _record_grid(recorder, problem, subject, integrate)

        grid = kept_for(subject).get(subject, key, record, at_once=insists(problem.graph))
        (outputs,) = grid.run(problem.statistics, problem.y0)
        problem.outputs.extend(outputs.unbind())
        _count(problem, counters, grid.evaluations)
        return True

    return bool(attempt(replay, problem.y0.device, problem.graph, problem.statistics))


def _record_grid(recorder: GraphRecorder, problem: Problem, subject: VectorField, integrate: Integrate) -> RecordedGrid:
    layout = problem.field.layout
    with torch.inference_mode(False), torch.no_grad():
        y0 = torch.empty_like(problem.y0).copy_(problem.y0)
        outputs = y0.new_zeros((len(problem.values) - 1, *y0.shape))
    # Of nothing that keeps the field alive.
    template = replace(
        problem,
        vector_field=weakly(subject),
        initial=layout.unpack(y0),
        y0=y0,
        field=PackedField(weakly(subject), layout),
        statistics=Statistics(),
    )

    def walk(field: PackedField, statistics: Statistics) -> object:
        static = replace(template, field=field, vector_field=field.vector_field, statistics=statistics)
        stepper = integrate(static)
        torch.stack(static.outputs[1:], out=outputs)
        return stepper

    return record_grid(
        recorder, walk, (y0,), (outputs,), subject, layout, compiled=problem.compile, most=_MOST_EVALUATIONS
    )


def _count(problem: Problem, counters: list[CountedField], evaluations: int) -> None:
    problem.field.nfe += evaluations
    for counter in counters:
        counter.nfe += evaluations


def _format(y: Tensor) -> Hashable:
    """Return what a recording fixes of a state beside its layout."""
    return y.shape, y.stride()


def _obstacles(problem: Problem, subject: VectorField) -> Iterator[tuple[bool, str]]:
    yield len(problem.values) < 2, "there is nothing to integrate"
    yield problem.dense, "dense=True keeps every step"
    yield problem.event_fn is not None, "an event is looked for by the host"
    yield problem.has_callbacks, "the vector field is told of every step"
    yield from obstacles_of_field(subject, problem.graph, problem.y0, problem.t)


def _obstacles_of_control(
    problem: Problem, settings: AdaptiveOptions, tableau: ButcherTableau
) -> Iterator[tuple[bool, str]]:
    yield problem.y0.is_complex(), "the state is complex"
    yield bool(settings.jump_t or settings.step_t), "jump_t and step_t are times at which the host stops"
    yield problem.compile and settings.norm is not None, "compile=True measures no norm of the user's on the device"
    if len(problem.values) > 2:
        added = RungeKutta(tableau, problem.y0).coefficients.inside.added_nodes
        yield bool(added), "dense output of this method evaluates the field inside a step"
