"""The loop of an adaptive solve: steps, outputs, discontinuities, the event at its end."""

from __future__ import annotations

import torch
from torch import Tensor

from suite.solvers.adaptive import AdaptiveIntegrator
from suite.solvers.callbacks import CALLBACK_NAMES
from suite.solvers.error_norm import ErrorScale, Norm, packed_norm, packed_tolerance
from suite.solvers.errors import EventNotFoundError, InvalidProblemError, InvalidTypeError
from suite.solvers.events import EventSearch
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
    if settings.norm is not None:
        _check_norm(scale.norm, problem.y0)
    method.measure(scale)
    controller = settings.controller(order)
    callbacks = problem.callbacks("an adaptive method", *CALLBACK_NAMES)
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
        callbacks=callbacks,
    )
    if settings.jumps_at(problem.values[0]):
        integrator.cross_discontinuity()
    search = problem.event_search()
    if search is not None:
        _until_event(problem, search, integrator, settings)
        return
    last = problem.values[-1]
    for time, jumps in settings.stops(problem.values[0], last).items():
        stop = problem.clocks[-1] if time == last else time
        while integrator.time != time:
            step = integrator.step(stop, discontinuity=jumps)
            if problem.dense:
                problem.kept.append(integrator.interpolable(step))
            while problem.next_is_due(integrator.time):
                due = problem.clocks[len(problem.outputs)]
                at_end = due is stop or (due == integrator.time and not isinstance(due, Tensor))
                problem.outputs.append(step.y1 if at_end else integrator.interpolable(step).interpolate(due))
        if jumps and time != last:
            integrator.cross_discontinuity()
    # A step whose last stage is the field at its end is never accepted when either is not finite.
    problem.checked = method.tableau.first_same_as_last


def _check_norm(norm: Norm, y0: Tensor) -> None:
    """Refuse a user's norm that is none; better now than in the first step."""
    with torch.no_grad():
        size = norm(torch.zeros_like(y0))
    if not isinstance(size, Tensor) or size.numel() != 1 or size.is_complex():
        given = f"a tensor of shape {tuple(size.shape)}" if isinstance(size, Tensor) else f"a {type(size).__name__}"
        raise InvalidTypeError(f"option norm returns a real tensor of one entry, not {given}")
    if not float(size) == 0:
        raise InvalidProblemError(f"option norm is 0 for a state of zeros, not {float(size)}")


def _until_event(
    problem: Problem, search: EventSearch, integrator: AdaptiveIntegrator, settings: AdaptiveOptions
) -> None:
    """Step until the event; the second time of the problem says only in which direction."""
    never = problem.direction * torch.finfo(problem.field.layout.time_dtype).max / 2
    for stop, jumps in settings.stops(problem.values[0], never).items():
        while problem.event_time is None and integrator.time != stop:
            before = integrator.time
            step = integrator.step(stop, discontinuity=jumps)
            if problem.dense:
                problem.kept.append(integrator.interpolable(step))
            if search.passes(integrator.time, step.y1):
                time = search.locate(integrator.interpolable(step).interpolate, before, integrator.time)
                problem.end_at_event(search, time, step.interpolate(time))
        if problem.event_time is not None:
            return
        if jumps:
            integrator.cross_discontinuity()
    raise EventNotFoundError(f"event_fn has not changed its sign by t = {integrator.time:g}", integrator.time)
