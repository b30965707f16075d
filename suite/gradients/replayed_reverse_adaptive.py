"""Adaptive reverse solves of the continuous adjoint by replaying recordings, which stop at outputs or watch them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from suite.gradients.augmented import AugmentedField
from suite.gradients.compiled_adjoint import AugmentedEvaluation
from suite.gradients.reverse_adaptive import DRIFT, AdaptiveReverse
from suite.gradients.reverse_problem import ReverseProblem
from suite.solvers.error_norm import ErrorScale, MixedNorm
from suite.solvers.graphs.choice import obstacles_of_control, require, weakly
from suite.solvers.graphs.compiled_resident import CompiledIntegrator
from suite.solvers.graphs.inner_solves import InnerSolves
from suite.solvers.graphs.kept_solve import solve_by_recording
from suite.solvers.graphs.recordable import Recordable
from suite.solvers.graphs.recorder import GraphRecorder
from suite.solvers.graphs.resident import DriftLimit, ResidentBuffers, ResidentIntegrator
from suite.solvers.graphs.resident_solve import Resident, ResidentOutcome, count, fill
from suite.solvers.runge_kutta import RungeKutta
from suite.solvers.vector_field import PackedField, count_evaluations, without_counters


def replay_adaptively(recorder: GraphRecorder, solver: AdaptiveReverse) -> None:
    """Solve by the recording kept of the vector field.

    Raises:
        NotRecordedError: Where something stands in the way.
    """
    require(_obstacles(solver))
    problem = solver.problem
    _go_back(solver, lambda part: solve_by_recording(recorder, part, problem), lambda: _carries(problem))


def solve_inside(solves: InnerSolves, solver: AdaptiveReverse) -> None:
    """Solve as a part of a larger recording, with a stop at every output: who knows on which a later loss depends.

    Raises:
        NotRecordedError: Where something stands in the way.
    """
    require(_obstacles(solver))
    _go_back(solver, solves.solve, lambda: [True] * len(solver.values))


def _go_back(
    solver: AdaptiveReverse, solve: Callable[[_Part], ResidentBuffers], carries: Callable[[], Sequence[bool]]
) -> None:
    """Go from the last output back to the first, in one solve or in one for every output."""
    last = len(solver.values) - 1
    if solver.problem.variant == "segments":
        for above in range(last, 0, -1):
            z = solve(_Part(solver, above, [above - 1], [])).y
            solver.z = solver.at_output(above - 1, z) if above > 1 else z.clone()
        return
    carry = carries()
    inner = range(last - 1, 0, -1)
    stops, watched = [*(i for i in inner if carry[i]), 0], [i for i in inner if not carry[i]]
    added = watched and solver.method.coefficients.inside.added_nodes
    words = "dense output of this method, by which drift is seen, evaluates the field inside a step"
    require(iter([(bool(added), words)]))
    solver.z = solve(_Part(solver, last, stops, watched)).y.clone()


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
class _Part(Recordable):
    """A reverse solve that is to be replayed: the whole, or that between two outputs.

    Attributes:
        solver: What the host would do; its ``z`` is where this part starts.
        output: Index of the output there.
        stops: Indices of the outputs at which a step ends, in their order.
        watched: Those of the inner outputs that are only compared with the state.
    """

    solver: AdaptiveReverse
    output: int
    stops: Sequence[int]
    watched: Sequence[int]

    @property
    def key(self) -> Hashable:
        """What a recording fixes beside the vector field."""
        solver, problem = self.solver, self.solver.problem
        of_control = solver.settings, problem.rtol, problem.atol, solver.scale.norm
        return "reverse", solver.method.tableau, of_control, len(self.stops), len(self.watched), key_of_problem(problem)

    @property
    def times(self) -> tuple[float, ...]:
        """The times of the start, of the stops and of what is watched."""
        return tuple([self.solver.values[index] for index in (self.output, *self.stops, *self.watched)])

    @property
    def start(self) -> Tensor:
        """The augmented state at the start."""
        return self.solver.z

    def given(self) -> tuple[Tensor, ...]:
        """Return what the steps read: states and cotangents at the stops, states to watch; shapes ``[outputs, n]``."""
        problem = self.solver.problem
        rows = (problem.states, self.stops), (problem.cotangents, self.stops), (problem.states, self.watched)
        return tuple([_rows(values, indices) for values, indices in rows])

    def buffers(self) -> ResidentBuffers:
        """Return new buffers."""
        return ResidentBuffers.like(self.solver.z, len(self.stops), len(self.watched))

    def on(self, buffers: ResidentBuffers) -> Resident:
        """Return the algorithm on some buffers."""
        solver, problem, tableau = self.solver, self.solver.problem, self.solver.method.tableau
        subject, _ = without_counters(problem.field.vector_field)
        places = len(self.stops), len(self.stops), len(self.watched)
        stored = tuple([problem.states.new_zeros((count, solver.n)) for count in places])
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
        """Put the state at the start and the times into buffers."""
        count = 1 + len(self.stops)
        fill(buffers, self.start, self.times[:count], self.times[count:], self.solver.settings.max_num_steps)

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
    yield solver.outside, "the variant quadrature integrates over steps that the host takes"
    own = problem.compile and not isinstance(solver.scale.norm, MixedNorm)
    yield from obstacles_of_control(problem.states, solver.settings, compiled_norm=own)


def _carries(problem: ReverseProblem) -> list[bool]:
    """Return on which outputs the loss depends, where there are any but the first and the last."""
    if len(problem.cotangents) == 2:
        return [True, True]
    problem.statistics.host_syncs += 1
    found: list[bool] = (problem.cotangents != 0).any(dim=1).tolist()
    return found
