"""Forward solves with step-size control by replaying recordings: steps that the host does not follow."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial

import torch
from torch import Tensor

from suite.solvers.error_norm import ErrorScale, packed_norm, packed_tolerance
from suite.solvers.graphs.choice import (
    attempt,
    obstacles_of_control,
    obstacles_of_problem,
    one_number,
    require,
    weakly,
)
from suite.solvers.graphs.compiled_resident import CompiledIntegrator
from suite.solvers.graphs.inner_solves import InnerSolves
from suite.solvers.graphs.kept_solve import solve_by_recording
from suite.solvers.graphs.recordable import Recordable
from suite.solvers.graphs.recorder import GraphRecorder
from suite.solvers.graphs.resident import ResidentBuffers, ResidentIntegrator, TakenStep
from suite.solvers.graphs.resident_solve import Resident, ResidentOutcome, count, fill
from suite.solvers.graphs.taken_again import followed
from suite.solvers.options import AdaptiveOptions
from suite.solvers.problem import Problem
from suite.solvers.runge_kutta import RungeKutta
from suite.solvers.step_graph import PackedEvaluation
from suite.solvers.tableau import ButcherTableau
from suite.solvers.times import clock_of
from suite.solvers.vector_field import PackedField, count_evaluations, without_counters


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
        solve = _Forward(problem, settings, tableau)
        problem.outputs.extend(solve.outputs(solve_by_recording(recorder, solve, problem)).unbind())
        problem.checked = tableau.first_same_as_last
        return True

    def forward(solves: InnerSolves, taken: list[TakenStep] | None) -> Tensor:
        solve = _Forward(problem, settings, tableau, taken)
        return solve.outputs(solves.solve(solve))

    def inside(solves: InnerSolves) -> bool:
        problem.outputs.extend(followed(partial(forward, solves), problem, tableau).unbind())
        problem.checked = True  # the host does not look, and what is not finite comes to no end
        return True

    return bool(attempt(replay, problem.y0.device, problem.graph, problem.statistics, inside=inside))


@dataclass(frozen=True, eq=False)
class _Forward(Recordable):
    """A forward solve that is to be replayed.

    Attributes:
        problem: The problem.
        settings: Options of the step-size control.
        tableau: The method.
        taken: Where the steps it tries are added; None to keep none.

    Raises:
        NotRecordedError: Where something stands in the way.
    """

    problem: Problem
    settings: AdaptiveOptions
    tableau: ButcherTableau
    taken: list[TakenStep] | None = None

    def __post_init__(self) -> None:
        require(obstacles_of_problem(self.problem, without_counters(self.problem.vector_field)[0]))
        require(self._obstacles())

    @cached_property
    def tolerances(self) -> tuple[float, float]:
        """The relative and the absolute tolerance."""
        problem = self.problem
        rtol, atol = (
            one_number(name, packed_tolerance(name, tolerance, problem.field.layout))
            for name, tolerance in (("rtol", problem.rtol), ("atol", problem.atol))
        )
        return rtol, atol

    @property
    def places(self) -> int:
        """Places for inner outputs: a power of two, lest every number of them be recorded, or even compiled, apart."""
        inner = len(self.problem.values) - 2
        return 1 << (inner - 1).bit_length() if inner > 0 else 0

    @property
    def key(self) -> Hashable:
        """What a recording fixes beside the vector field."""
        y0 = self.problem.y0
        of_state = self.problem.field.layout, y0.shape, y0.stride(), self.places
        return "adaptive", self.problem.compile, self.tableau, self.settings, self.tolerances, of_state

    @property
    def times(self) -> tuple[float, ...]:
        """The output times."""
        return tuple(self.problem.values)

    @property
    def start(self) -> Tensor:
        """The state at the start."""
        return self.problem.y0

    def buffers(self) -> ResidentBuffers:
        """Return new buffers."""
        problem, y0, layout = self.problem, self.problem.y0, self.problem.field.layout
        if not problem.compile:
            return ResidentBuffers.like(y0, 1, self.places)
        # Uncompiled, so that a field that returns no state is refused in its own words.
        subject, _ = without_counters(problem.vector_field)
        PackedField(subject, layout)(clock_of(problem.values[0], layout.time_dtype, layout.device), y0)
        return ResidentBuffers.like(y0.contiguous(), 1, self.places)

    def on(self, buffers: ResidentBuffers) -> Resident:
        """Return the algorithm on some buffers."""
        problem, tableau = self.problem, self.tableau
        subject, _ = without_counters(problem.vector_field)
        layout = problem.field.layout
        scale = ErrorScale(*self.tolerances, packed_norm(self.settings.norm, layout))
        controller, first_step = self.settings.controller(tableau.order), self.settings.first_step
        if not problem.compile:
            field = PackedField(weakly(subject), layout)
            method = RungeKutta(tableau, buffers.y)
            integrator = ResidentIntegrator(method, field, scale, controller, buffers, taken=self.taken)
            return Resident(buffers, integrator, first_step)
        evaluation = PackedEvaluation.of(layout)
        compiled = CompiledIntegrator(tableau, evaluation, subject, scale, controller, buffers)
        return Resident(buffers, compiled, first_step)

    def prepare(self, buffers: ResidentBuffers) -> None:
        """Put the state at the start and the times into buffers."""
        values = self.problem.values
        inner = values[1:-1]
        padded = [*inner, *[math.nan] * (self.places - len(inner))]
        fill(buffers, self.problem.y0, [values[0], values[-1]], padded, self.settings.max_num_steps)

    def settle(self, outcome: ResidentOutcome) -> None:
        """Count what the solve has cost."""
        problem, tableau = self.problem, self.tableau
        _, counters = without_counters(problem.vector_field)
        count(problem.statistics, outcome)
        of_steps = outcome.tried * (tableau.stages - tableau.first_same_as_last)
        count_evaluations(problem.field, counters, 1 + (self.settings.first_step is None) + of_steps)

    def outputs(self, buffers: ResidentBuffers) -> Tensor:
        """Return the outputs out of the buffers but for the first, shape ``[outputs - 1, *state]``."""
        inner = buffers.outputs[: len(self.problem.values) - 2]
        return torch.cat([inner, buffers.y.unsqueeze(0)])

    def _obstacles(self) -> Iterator[tuple[bool, str]]:
        problem, settings = self.problem, self.settings
        own = problem.compile and settings.norm is not None
        yield from obstacles_of_control(problem.y0, settings, compiled_norm=own)
        if len(problem.values) > 2:
            added = RungeKutta(self.tableau, problem.y0).coefficients.inside.added_nodes
            yield bool(added), "dense output of this method evaluates the field inside a step"
