"""Adaptive reverse solves of the continuous adjoint by replaying recordings, which stop at outputs or watch them."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from suite.gradients.augmented import AugmentedField
from suite.gradients.compiled_adjoint import AugmentedEvaluation
from suite.gradients.reverse_adaptive import DRIFT, AdaptiveReverse
from suite.gradients.reverse_problem import ReverseProblem
from suite.solvers.error_norm import ErrorScale, MixedNorm
from suite.solvers.graphs.choice import insists, require, weakly
from suite.solvers.graphs.compiled_resident import CompiledIntegrator
from suite.solvers.graphs.inner_solves import InnerSolves
from suite.solvers.graphs.kept import NoEndError, kept_for
from suite.solvers.graphs.recorder import GraphRecorder
from suite.solvers.graphs.resident import DriftLimit, ResidentBuffers, ResidentIntegrator
from suite.solvers.graphs.resident_solve import Resident, ResidentOutcome, ResidentSolve, count, fill
from suite.solvers.runge_kutta import RungeKutta
from suite.solvers.vector_field import PackedField, count_evaluations, without_counters


def replay_adaptively(recorder: GraphRecorder, solver: AdaptiveReverse) -> None:
    """Solve by the recording kept of the vector field.

    Raises:
        NotRecordedError: Where something stands in the way.
    """
    require(_obstacles(solver))
    reverse = _Replay.of(solver, _carries(solver.problem))
    problem = solver.problem
    subject, _ = without_counters(problem.field.vector_field)
    loop = problem.graph == "loop"

    def record() -> ResidentSolve:
        return ResidentSolve(recorder, reverse.made(), reverse.prepare, loop=loop)

    at_once = problem.compile or insists(problem.graph)
    solve: ResidentSolve = kept_for(subject).get(subject, (loop, reverse.key), record, at_once=at_once)
    solve.resident.give(*reverse.given())
    reverse.prepare(solve.resident.buffers)
    outcome = solve.run()
    if outcome.lost:
        count(problem.statistics, outcome)
        raise NoEndError("the reverse solve comes to no end, and the host finds out why")
    reverse.settle(outcome)
    solver.z = solve.resident.buffers.y.clone()


def solve_inside(solves: InnerSolves, solver: AdaptiveReverse) -> None:
    """Solve as a part of a larger recording, with a stop at every output: who knows on which a later loss depends.

    Raises:
        NotRecordedError: Where something stands in the way.
    """
    require(_obstacles(solver))
    reverse = _Replay.of(solver, [True] * len(solver.values))
    # The times are part of what it fixes, as nobody copies them between replays.
    key = reverse.key, tuple(solver.values)
    found = solves.solve(key, solver.z, reverse.given(), reverse.made, reverse.prepare, reverse.settle)
    solver.z = found.y.clone()


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


@dataclass(frozen=True, eq=False)
class _Replay:
    """A reverse solve that is to be replayed.

    Attributes:
        solver: What the host would do.
        stops: Indices of the outputs at which a step ends, in their order.
        watched: Those of the inner outputs that are only compared with the state.
    """

    solver: AdaptiveReverse
    stops: Sequence[int]
    watched: Sequence[int]

    @classmethod
    def of(cls, solver: AdaptiveReverse, carries: Sequence[bool]) -> _Replay:
        """Return it, given on which outputs the loss depends.

        Raises:
            NotRecordedError: When outputs are to be watched and the method cannot.
        """
        inner = range(len(solver.values) - 2, 0, -1)
        stops, watched = [*(i for i in inner if carries[i]), 0], [i for i in inner if not carries[i]]
        added = watched and solver.method.coefficients.inside.added_nodes
        words = "dense output of this method, by which drift is seen, evaluates the field inside a step"
        require(iter([(bool(added), words)]))
        return cls(solver, stops, watched)

    @property
    def key(self) -> Hashable:
        """What a recording fixes beside the vector field."""
        solver, problem = self.solver, self.solver.problem
        of_control = solver.settings, problem.rtol, problem.atol, solver.scale.norm
        return "reverse", solver.method.tableau, of_control, len(self.stops), len(self.watched), key_of_problem(problem)

    def given(self) -> tuple[Tensor, ...]:
        """Return what the steps read: states and cotangents at the stops, states to watch; shapes ``[outputs, n]``."""
        problem = self.solver.problem
        rows = (problem.states, self.stops), (problem.cotangents, self.stops), (problem.states, self.watched)
        return tuple([_rows(values, indices) for values, indices in rows])

    def made(self) -> Resident:
        """Return the algorithm with what it works on."""
        solver, problem, tableau = self.solver, self.solver.problem, self.solver.method.tableau
        subject, _ = without_counters(problem.field.vector_field)
        stored = tuple([torch.zeros_like(rows) for rows in self.given()])
        buffers = ResidentBuffers.like(solver.z, len(self.stops), len(self.watched))
        layout = problem.field.layout
        arrival = _AtOutput(solver.n) if len(self.stops) > 1 else None
        drift = DriftLimit(tuple(layout.sizes), DRIFT) if self.watched else None
        scale = ErrorScale(problem.rtol, problem.atol, solver.scale.norm, solver.scale.entries)
        controller = solver.settings.controller(tableau.order)
        if problem.compile:
            evaluation = AugmentedEvaluation.of(subject, layout, problem.inside)
            compiled = CompiledIntegrator(
                tableau, evaluation, subject, scale, controller, buffers, arrival, drift, stored
            )
            return Resident(buffers, compiled, solver.settings.first_step, stored)
        field = AugmentedField(PackedField(weakly(subject), layout), problem.inside)
        met = None if arrival is None else partial(arrival, stored)
        method = RungeKutta(tableau, buffers.y)
        integrator = ResidentIntegrator(method, field, scale, controller, buffers, met, drift, stored[-1])
        return Resident(buffers, integrator, solver.settings.first_step, stored)

    def prepare(self, buffers: ResidentBuffers) -> None:
        """Put the state at the last output and the times into buffers."""
        values = self.solver.values
        ends, between = ([values[index] for index in indices] for indices in (self.stops, self.watched))
        fill(buffers, self.solver.z, [values[-1], *ends], between, self.solver.settings.max_num_steps)

    def settle(self, outcome: ResidentOutcome) -> None:
        """Count what the solve has cost."""
        problem, tableau = self.solver.problem, self.solver.method.tableau
        _, counters = without_counters(problem.field.vector_field)
        count(problem.statistics, outcome)
        same = tableau.first_same_as_last
        known = same and (len(self.stops), len(self.watched)) == (1, 0)
        of_step = tableau.stages - known + (bool(self.watched) and not same)
        first = 1 + (self.solver.settings.first_step is None)
        count_evaluations(problem.field, counters, first + outcome.tried * of_step)


def key_of_problem(problem: ReverseProblem) -> Hashable:
    """Return what a recording fixes of a reverse solve beside the vector field, whatever its steps."""
    parameters = tuple([(value.data_ptr(), value.shape, value.stride()) for value in problem.parameters])
    return problem.field.layout, problem.variant, problem.compile, parameters, problem.states.shape


def _rows(values: Tensor, indices: Sequence[int]) -> Tensor:
    """Return some rows, picked by the host's indices without a copy of these to the device."""
    return torch.stack([values[index] for index in indices]) if indices else values[:0]


def _obstacles(solver: AdaptiveReverse) -> Iterator[tuple[bool, str]]:
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
