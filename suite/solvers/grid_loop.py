"""The loop over a fixed grid: steps and outputs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor

from suite.solvers.fixed_grid import grid
from suite.solvers.options import FixedGridOptions
from suite.solvers.problem import Problem
from suite.solvers.runge_kutta import Field
from suite.solvers.solution import DenseStep, Statistics
from suite.solvers.stage_sum import Time


class GridStep(DenseStep, Protocol):
    """One step over an interval of the grid.

    Attributes:
        f1: Field at the end; None until it is known.
    """

    f1: Tensor | None


class GridStepper(Protocol):
    """Takes the steps of one solve over a fixed grid, in order; it may remember the steps before."""

    def step(self, field: Field, t: Time, h: Time, y: Tensor, f0: Tensor | None) -> GridStep:
        """Take one step from ``(t, y)`` over ``h``, where the field is ``f0`` if it is known."""
        ...

    def accept(self) -> None:
        """Say that the walk goes on from the last step."""
        ...


def steps(
    stepper: GridStepper, field: Field, times: list[Time], y: Tensor, statistics: Statistics
) -> Iterator[GridStep]:
    """Take one step for each interval of the grid.

    Args:
        stepper: Takes the steps.
        field: Vector field on the packed state.
        times: Grid points; tensors where gradients with respect to times are wanted.
        y: State at the first.
        statistics: Counts the steps.
    """
    f0 = None
    for start, end in pairwise(times):
        step = stepper.step(field, start, end - start, y, f0)
        stepper.accept()
        statistics.accepted += 1
        yield step
        y, f0 = step.y1, step.f1


def integrate_on_grid(problem: Problem, options: FixedGridOptions, stepper: GridStepper) -> None:
    """Integrate over a fixed grid, adding to the outputs of the problem.

    Args:
        problem: The problem.
        options: Which grid, and how outputs between its points are made.
        stepper: Takes the steps.
    """
    chosen = grid(options, problem.vector_field, problem.initial, problem.t, problem.values, problem.clocks)
    layout = problem.field.layout
    needs_slope = problem.dense or options.interp == "cubic"
    walk = steps(stepper, problem.field, chosen.clocks, problem.y0, problem.statistics)
    for step, end in zip(walk, chosen.values[1:], strict=True):
        if needs_slope and step.f1 is None:
            at_end = torch.as_tensor(step.start + step.size, dtype=layout.time_dtype, device=layout.device)
            step.f1 = problem.field(at_end, step.y1)
        if problem.dense:
            problem.kept.append(step)
        while problem.next_is_due(end):
            due = problem.values[len(problem.outputs)]
            clock = problem.clocks[len(problem.outputs)]
            # Where autograd follows an output time that is no end of a step of its own, it needs the slope there.
            if due == end and (chosen.is_outputs or not isinstance(clock, Tensor)):
                problem.outputs.append(step.y1)
            elif options.interp == "cubic":
                problem.outputs.append(step.interpolate(clock))
            else:
                fraction = (clock - step.start) / step.size
                problem.outputs.append(step.y0 + fraction * (step.y1 - step.y0))
