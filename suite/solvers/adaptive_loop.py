"""The loop of an adaptive solve: steps, outputs, discontinuities."""

from __future__ import annotations

from torch import Tensor

from suite.solvers.adaptive import AdaptiveIntegrator
from suite.solvers.error_norm import ErrorScale, packed_norm, packed_tolerance
from suite.solvers.options import AdaptiveOptions
from suite.solvers.problem import Problem
from suite.solvers.runge_kutta import RungeKutta


def integrate_adaptively(problem: Problem, settings: AdaptiveOptions, method: RungeKutta, order: int) -> None:
    """Integrate with step-size control, adding to the outputs of the problem.

    Args:
        problem: The problem.
        settings: Options of the step-size control.
        method: Takes the steps.
        order: Its order.
    """
    layout = problem.field.layout
    scale = ErrorScale(
        packed_tolerance("rtol", problem.rtol, layout),
        packed_tolerance("atol", problem.atol, layout),
        packed_norm(settings.norm, layout),
    )
    controller = settings.controller(order)
    if len(problem.values) == 1:
        return
    integrator = AdaptiveIntegrator(
        method,
        problem.field,
        problem.clocks[0],
        problem.direction,
        problem.y0,
        scale,
        controller,
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
    # A step whose last stage is the field at its end is never accepted when either is not finite.
    problem.checked = method.tableau.first_same_as_last
