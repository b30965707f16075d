"""``solve``: the full form of an ODE solve."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from suite.solvers import fixed_grid
from suite.solvers.adaptive import AdaptiveIntegrator
from suite.solvers.error_norm import ErrorScale, flat_norm, flat_tolerance
from suite.solvers.errors import IntegrationError, NonFiniteError
from suite.solvers.methods import Method, find
from suite.solvers.options import (
    AdaptiveOptions,
    FixedGridOptions,
    adaptive_options,
    fixed_grid_options,
    take_stepping,
)
from suite.solvers.runge_kutta import RungeKutta, Step, Time
from suite.solvers.solution import Interpolant, Solution, Statistics
from suite.solvers.state import State, StateLayout
from suite.solvers.tableau import ButcherTableau
from suite.solvers.times import check_times, clocks
from suite.solvers.vector_field import FlatField, VectorField

MethodName = str | Method | ButcherTableau | None


def solve(
    vector_field: VectorField,
    y0: State,
    t: Tensor,
    *,
    method: MethodName = "dopri5",
    rtol: float | State = 1e-7,
    atol: float | State = 1e-9,
    options: Mapping[str, Any] | None = None,
    dense: bool = False,
) -> Solution:
    """Solve ``dy/dt = vector_field(t, y)``, ``y(t[0]) = y0``; autograd differentiates through the solver.

    Args:
        vector_field: Called with a 0-dimensional time and a state like ``y0``; returns a state like ``y0``.
        y0: Initial state: a floating-point or complex tensor of any shape, or a tuple of these.
        t: Output times, shape ``[outputs]``, strictly increasing or decreasing. Gradients with respect to them are
            those of the discretised solution.
        method: Name of a registered method, a ``Method``, or a ``ButcherTableau``.
        rtol: Relative tolerance of a step: a number, or a tensor (or tuple) like the state.
        atol: Absolute tolerance of a step, likewise.
        options: Options of the method, see ``AdaptiveOptions`` and ``FixedGridOptions``. An adaptive tableau takes
            equal steps when ``step_size`` and ``adaptive=False`` are given.
        dense: Keep every step, so that ``Solution.interpolant`` gives the solution at any time in between.

    Returns:
        The solution, with states of shape ``[outputs, *y0.shape]``, and what it cost.

    Raises:
        InvalidProblemError: Bad times, state, tolerance or option, or a field that returns something else than a state.
        UnknownMethodError: There is no such method.
        NonFiniteError: The state or the field is not finite.
        StepUnderflowError: No representable step meets the tolerance.
        StepLimitError: ``max_num_steps`` was reached. Each of the last three carries the solution so far.
    """
    values = check_times(t)
    layout = StateLayout.of(y0)
    chosen, options = take_stepping(find(method), options)
    problem = _Problem(
        field=FlatField(vector_field, layout),
        y0=layout.pack(y0),
        values=values,
        clocks=clocks(t, values),
        method=RungeKutta(chosen.tableau, layout.pack(y0)),
        dense=dense,
    )
    if chosen.adaptive:
        settings = adaptive_options(options)
        scale = ErrorScale(
            flat_tolerance("rtol", rtol, layout),
            flat_tolerance("atol", atol, layout),
            flat_norm(settings.norm, layout),
            len(problem.y0),
        )
        walk = partial(_adaptive, problem, settings, scale, chosen.order)
    else:
        walk = partial(_fixed, problem, fixed_grid_options(options), vector_field, y0, t)
    try:
        walk()
        # An adaptive step whose last stage is the field at its end is never accepted when either is not finite.
        if not (chosen.adaptive and chosen.tableau.first_same_as_last):
            problem.require_finite()
    except IntegrationError as error:
        error.solution = problem.solution(t, layout)
        raise
    return problem.solution(t, layout)


@dataclass(eq=False)
class _Problem:
    """A checked problem on the flat state, and the outputs as they come."""

    field: FlatField
    y0: Tensor
    values: list[float]
    clocks: list[Time]
    method: RungeKutta
    dense: bool
    statistics: Statistics = dataclasses.field(default_factory=Statistics)
    outputs: list[Tensor] = dataclasses.field(init=False)
    kept: list[Step] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        self.outputs = [self.y0]

    @property
    def direction(self) -> int:
        return 1 if self.values[-1] >= self.values[0] else -1

    def next_is_due(self, time: float) -> bool:
        """Say whether the next output lies at or before this time."""
        index = len(self.outputs)
        return index < len(self.values) and self.direction * (self.values[index] - time) <= 0

    def require_finite(self) -> None:
        finite = torch.stack([output.detach().isfinite().all() for output in self.outputs])
        if not bool(finite.all()):
            first = int(finite.int().argmin())
            del self.outputs[max(first, 1) :]
            time = self.values[first]
            raise NonFiniteError(f"the state is not finite at the output time t = {time:g}", time)

    def solution(self, t: Tensor, layout: StateLayout) -> Solution:
        self.statistics.nfe = self.field.nfe
        states = layout.unpack(torch.stack(self.outputs))
        interpolant = Interpolant(layout, self.kept) if self.kept else None
        return Solution(t[: len(self.outputs)], states, self.statistics, interpolant)


def _adaptive(problem: _Problem, settings: AdaptiveOptions, scale: ErrorScale, order: int) -> None:
    if len(problem.values) == 1:
        return
    integrator = AdaptiveIntegrator(
        problem.method,
        problem.field,
        problem.clocks[0],
        problem.direction,
        problem.y0,
        scale,
        settings.controller(order),
        problem.statistics,
        first_step=settings.first_step,
    )
    if settings.jumps_at(problem.values[0]):
        integrator.cross_discontinuity()
    last = problem.values[-1]
    for time, jumps in settings.stops(problem.values[0], last).items():
        stop = problem.clocks[-1] if time == last else time
        while integrator.time != time:
            step = integrator.step(stop, discontinuity=jumps)
            if problem.dense:
                problem.kept.append(integrator.field_at_end(step))
            while problem.next_is_due(integrator.time):
                due = problem.clocks[len(problem.outputs)]
                at_end = due is stop or (due == integrator.time and not isinstance(due, Tensor))
                problem.outputs.append(step.y1 if at_end else integrator.field_at_end(step).interpolate(due))
        if jumps and time != last:
            integrator.cross_discontinuity()


def _fixed(problem: _Problem, options: FixedGridOptions, vector_field: VectorField, y0: State, t: Tensor) -> None:
    points = fixed_grid.grid(options, vector_field, y0, t, problem.values)
    values = problem.values if points is t else check_times(points)
    layout = problem.field.layout
    needs_slope = problem.dense or options.interp == "cubic"
    walk = fixed_grid.steps(problem.method, problem.field, clocks(points, values), problem.y0, problem.statistics)
    for step, end in zip(walk, values[1:], strict=True):
        if needs_slope and step.f1 is None:
            at_end = torch.as_tensor(step.start + step.size, dtype=layout.time_dtype, device=layout.device)
            step.f1 = problem.field(at_end, step.y1)
        if problem.dense:
            problem.kept.append(step)
        while problem.next_is_due(end):
            due = problem.values[len(problem.outputs)]
            clock = problem.clocks[len(problem.outputs)]
            # Where autograd follows an output time that is no end of a step of its own, it needs the slope there.
            if due == end and (points is t or not isinstance(clock, Tensor)):
                problem.outputs.append(step.y1)
            elif options.interp == "cubic":
                problem.outputs.append(step.interpolate(clock))
            else:
                fraction = (clock - step.start) / step.size
                problem.outputs.append(step.y0 + fraction * (step.y1 - step.y0))
