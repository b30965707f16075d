"""The loop over a fixed grid: steps, outputs, the event at its end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import pairwise
from typing import Protocol, cast

from torch import Tensor

from suite.solvers.callbacks import Callbacks
from suite.solvers.compiled import CompiledRungeKutta
from suite.solvers.errors import EventNotFoundError, InvalidProblemError
from suite.solvers.fixed_grid import grid
from suite.solvers.options import FixedGridOptions
from suite.solvers.perturbed_field import PerturbedField
from suite.solvers.problem import Problem
from suite.solvers.runge_kutta import Field, RungeKutta
from suite.solvers.solution import DenseStep
from suite.solvers.stage_sum import Time, factor
from suite.solvers.times import number


class GridStep(DenseStep, Protocol):
    """One step over an interval of the grid.

    Attributes:
        f1: Field at the end; None until it is known.
    """

    f1: Tensor | None

    def complete(self, field: Field) -> None:
        """Evaluate what ``interpolate`` needs and the step has not."""
        ...


class GridStepper(Protocol):
    """Takes the steps of one solve over a fixed grid, in order; it may remember the steps before."""

    def step(self, field: Field, t: Time, h: Time, y: Tensor, f0: Tensor | None) -> GridStep:
        """Take one step from ``(t, y)`` over ``h``, where the field is ``f0`` if it is known."""
        ...

    def accept(self) -> None:
        """Say that the walk goes on from the last step."""
        ...


def steps(
    stepper: GridStepper,
    field: Field,
    times: Iterable[Time],
    y: Tensor,
    *,
    perturbed: PerturbedField | None = None,
    callbacks: Callbacks | None = None,
) -> Iterator[GridStep]:
    """Take one step for each interval of the grid.

    Args:
        stepper: Takes the steps.
        field: Vector field on the packed state.
        times: Grid points; tensors where gradients with respect to times are wanted.
        y: State at the first.
        perturbed: The field as it is inside a step, where no evaluation is to fall on a grid point.
        callbacks: Told of every step before it is taken.
    """
    if isinstance(stepper, CompiledRungeKutta) and perturbed is not None:
        raise InvalidProblemError("compile=True does not take option perturb")
    plain = isinstance(times, list) and callbacks is None and perturbed is None
    if plain and isinstance(stepper, RungeKutta) and stepper.walks:
        return stepper.walk(field, cast(list[float], times), y)
    return _stepped(stepper, field, times, y, perturbed, callbacks)


def _stepped(
    stepper: GridStepper,
    field: Field,
    times: Iterable[Time],
    y: Tensor,
    perturbed: PerturbedField | None,
    callbacks: Callbacks | None,
) -> Iterator[GridStep]:
    f0 = None
    for start, end in pairwise(times):
        size = end - start
        if callbacks is not None:
            callbacks.step(start, y, size)
        if perturbed is not None:
            perturbed.enter(start, end)
            field, f0 = perturbed, None  # the field at the end of a step is not that at the start of the next
        step = stepper.step(field, start, size, y, f0)
        stepper.accept()
        yield step
        y, f0 = step.y1, step.f1


def integrate_on_grid(problem: Problem, options: FixedGridOptions, stepper: GridStepper) -> None:
    """Integrate over a fixed grid, adding to the outputs of the problem.

    Args:
        problem: The problem.
        options: Which grid, and how outputs between its points are made.
        stepper: Takes the steps.
    """
    perturbed = PerturbedField(problem.field, problem.field.layout.time_dtype) if options.perturb else None
    walk = partial(
        steps,
        stepper,
        problem.field,
        y=problem.y0,
        perturbed=perturbed,
        callbacks=problem.callbacks("a method on a fixed grid", "callback_step"),
    )
    with_slopes: Callable[[Iterator[GridStep]], Iterator[GridStep]] = iter
    if problem.dense or options.interp == "cubic":
        with_slopes = partial(_with_slopes, problem, perturbed or problem.field)
    if problem.event_fn is not None:
        _until_event(problem, options, lambda times: with_slopes(walk(times)))
        return
    chosen = grid(options, problem.vector_field, problem.initial, problem.t, problem.values, problem.clocks)
    outputs, direction, statistics = problem.outputs, problem.direction, problem.statistics
    dues = [*problem.values, direction * math.inf]  # the last is never due
    for step, end in zip(with_slopes(walk(chosen.clocks)), chosen.values[1:], strict=True):
        statistics.accepted += 1
        while direction * (dues[len(outputs)] - end) <= 0:
            due, clock = dues[len(outputs)], problem.clocks[len(outputs)]
            # Where autograd follows an output time that is no end of a step of its own, it needs the slope there.
            if due == end and (chosen.is_outputs or not isinstance(clock, Tensor)):
                outputs.append(step.y1)
            else:
                outputs.append(_inside(step, clock, options))


def _with_slopes(problem: Problem, field: Field, walk: Iterator[GridStep]) -> Iterator[GridStep]:
    """Make sure that steps can be interpolated, and keep them where that is wanted."""
    for step in walk:
        step.complete(field)
        if problem.dense:
            problem.kept.append(step)
        yield step


def _inside(step: GridStep, time: Time, options: FixedGridOptions) -> Tensor:
    """Return the state at a time inside a step."""
    if options.interp == "cubic":
        return step.interpolate(time)
    state: Tensor = step.y0 + factor((time - step.start) / step.size, step.y0) * (step.y1 - step.y0)
    return state


def _until_event(
    problem: Problem, options: FixedGridOptions, walk: Callable[[Iterable[Time]], Iterator[GridStep]]
) -> None:
    """Take equal steps until the event; the second time of the problem says only in which direction."""
    if options.step_size is None:
        raise InvalidProblemError("an event on a fixed grid needs the option step_size")
    search = problem.event_search()
    if search is None or problem.event_time is not None:
        return
    origin, size = problem.clocks[0], problem.direction * options.step_size
    grid_points = (origin + index * size for index in range(options.max_num_steps + 1))
    end = number(origin)
    for step in walk(grid_points):
        problem.statistics.accepted += 1
        before, end = end, number(step.start + step.size)
        if search.passes(end, step.y1):
            time = search.locate(lambda time, step=step: _inside(step, time, options), before, end)  # type: ignore[misc]
            problem.end_at_event(search, time, _inside(step, time, options))
            return
    raise EventNotFoundError(
        f"event_fn has not changed its sign by t = {end:g}, after max_num_steps = {options.max_num_steps} steps", end
    )
