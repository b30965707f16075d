"""Forward solves by replaying recordings: a whole fixed grid, or adaptive steps that the host does not follow."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from suite.solvers.error_norm import ErrorScale, packed_norm, packed_tolerance
from suite.solvers.graphs.choice import attempt, insists, obstacles_of_field, one_number, require, weakly
from suite.solvers.graphs.kept import NoEndError, NotRecordedError, kept_for
from suite.solvers.graphs.recorder import GraphRecorder, recorded
from suite.solvers.graphs.resident import ResidentBuffers, ResidentIntegrator
from suite.solvers.graphs.resident_solve import ResidentSolve, count, fill
from suite.solvers.options import AdaptiveOptions, FixedGridOptions
from suite.solvers.problem import Problem
from suite.solvers.runge_kutta import RungeKutta
from suite.solvers.solution import Statistics
from suite.solvers.tableau import ButcherTableau
from suite.solvers.vector_field import PackedField, VectorField, without_counters

_MOST_EVALUATIONS = 4096  # in one graph: each is some ten launches, and a launch some hundred bytes


def replayed_adaptively(problem: Problem, settings: AdaptiveOptions, tableau: ButcherTableau) -> bool:
    """Integrate with step-size control on the device; return False where the host has to.

    The steps are those of :func:`suite.solvers.adaptive_loop.integrate_adaptively` up to rounding.

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
        loop = problem.graph == "loop"
        key = ("adaptive", loop, tableau, settings, rtol, atol, layout, _format(problem.y0), len(inner))

        def prepare(buffers: ResidentBuffers) -> None:
            fill(buffers, problem.y0, [values[0], values[-1]], inner, settings.max_num_steps)

        def record() -> ResidentSolve:
            buffers = ResidentBuffers.like(problem.y0, 1, len(inner))
            integrator = ResidentIntegrator(
                RungeKutta(tableau, buffers.y),
                PackedField(weakly(subject), layout),
                ErrorScale(rtol, atol, packed_norm(settings.norm, layout)),
                settings.controller(tableau.order),
                buffers,
            )
            return ResidentSolve(recorder, buffers, integrator, settings.first_step, prepare, loop=loop)

        solve = kept_for(subject).get(subject, key, record, at_once=insists(problem.graph))
        prepare(solve.buffers)
        outcome = solve.run()
        count(problem.statistics, outcome)
        if outcome.lost:
            raise NoEndError("the solve comes to no end, and the host finds out why")
        same = tableau.first_same_as_last
        evaluations = 1 + (settings.first_step is None) + outcome.tried * (tableau.stages - same)
        problem.field.nfe += evaluations
        for counter in counters:
            counter.nfe += evaluations
        problem.outputs.extend(solve.buffers.outputs.clone().unbind())
        problem.outputs.append(solve.buffers.y.clone())
        problem.checked = same
        return True

    return bool(attempt(replay, problem.y0.device, problem.graph, problem.statistics))


@dataclass(frozen=True, eq=False)
class _RecordedGrid:
    """A recorded solve over a fixed grid.

    Attributes:
        y0: Where the state at the start is put.
        outputs: Where the other outputs are found, shape ``[outputs - 1, *state]``.
        replay: Does it.
        steps: Steps taken.
        evaluations: Evaluations of the field.
        constants: What the recording reads and does not own.
    """

    y0: Tensor
    outputs: Tensor
    replay: Callable[[], None]
    steps: int
    evaluations: int
    constants: object


Integrate = Callable[[Problem], object]
"""Integrates a problem over its grid, and returns what took the steps."""


def replayed_on_grid(problem: Problem, settings: FixedGridOptions, method: Hashable, integrate: Integrate) -> bool:
    """Integrate over a fixed grid by one replay; return False where the host has to take the steps.

    The operations are those of the host's steps, in the same order: so are the results, bit for bit.

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
        key = ("grid", method, settings, tuple(problem.values), layout, _format(problem.y0))

        def record() -> _RecordedGrid:
            return _record_grid(recorder, problem, subject, integrate)

        grid = kept_for(subject).get(subject, key, record, at_once=insists(problem.graph))
        grid.y0.copy_(problem.y0)
        grid.replay()
        problem.outputs.extend(grid.outputs.clone().unbind())
        problem.statistics.accepted += grid.steps
        problem.statistics.graph_replays += 1
        problem.field.nfe += grid.evaluations
        for counter in counters:
            counter.nfe += grid.evaluations
        return True

    return bool(attempt(replay, problem.y0.device, problem.graph, problem.statistics))


def _record_grid(
    recorder: GraphRecorder, problem: Problem, subject: VectorField, integrate: Integrate
) -> _RecordedGrid:
    with torch.inference_mode(False), torch.no_grad():
        y0 = torch.empty_like(problem.y0).copy_(problem.y0)
        outputs = y0.new_zeros((len(problem.values) - 1, *y0.shape))
        layout = problem.field.layout
        field = weakly(subject)
        # Of nothing that keeps the field alive.
        template = replace(
            problem,
            vector_field=field,
            initial=layout.unpack(y0),
            y0=y0,
            field=PackedField(field, layout),
            statistics=Statistics(),
        )
        steppers: list[object] = []
        costs: list[tuple[int, int]] = []

        def work() -> None:
            static = replace(template, field=PackedField(field, layout), statistics=Statistics())
            steppers.append(integrate(static))
            costs.append((static.statistics.accepted, static.field.nfe))
            if static.field.nfe > _MOST_EVALUATIONS:
                raise NotRecordedError(f"its {static.field.nfe} evaluations are more than {_MOST_EVALUATIONS}")
            torch.stack(static.outputs[1:], out=outputs)

        replay = recorded(recorder, work)
        return _RecordedGrid(y0, outputs, replay, *costs[-1], steppers)


def _format(y: Tensor) -> Hashable:
    """Return what a recording fixes of a state beside its layout."""
    return y.shape, y.stride()


def _obstacles(problem: Problem, subject: VectorField) -> Iterator[tuple[bool, str]]:
    yield len(problem.values) < 2, "there is nothing to integrate"
    yield problem.dense, "dense=True keeps every step"
    yield problem.event_fn is not None, "an event is looked for by the host"
    yield problem.compile, "compile=True calls compiled steps from the host"
    yield problem.has_callbacks, "the vector field is told of every step"
    yield from obstacles_of_field(subject, problem.graph, problem.y0, problem.t)


def _obstacles_of_control(
    problem: Problem, settings: AdaptiveOptions, tableau: ButcherTableau
) -> Iterator[tuple[bool, str]]:
    yield problem.y0.is_complex(), "the state is complex"
    yield bool(settings.jump_t or settings.step_t), "jump_t and step_t are times at which the host stops"
    if len(problem.values) > 2:
        added = RungeKutta(tableau, problem.y0).coefficients.inside.added_nodes
        yield bool(added), "dense output of this method evaluates the field inside a step"
