"""Stepping over a fixed grid."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor

from suite.solvers.errors import InvalidProblemError
from suite.solvers.options import FixedGridOptions
from suite.solvers.runge_kutta import Field, RungeKutta, Step, Time
from suite.solvers.solution import Statistics
from suite.solvers.times import check_times


def grid(options: FixedGridOptions, vector_field: object, y0: object, t: Tensor, values: list[float]) -> Tensor:
    """Return the grid: the output times, equal steps whose last is shorter where need be, or the user's own.

    Args:
        options: What was asked for.
        vector_field: For the user's ``grid_constructor``.
        y0: Likewise.
        t: Output times, shape ``[outputs]``.
        values: The same as numbers.

    Raises:
        InvalidProblemError: When the user's grid is not strictly monotone from the first to the last output time.
    """
    first, last = values[0], values[-1]
    if options.grid_constructor is not None:
        chosen = options.grid_constructor(vector_field, y0, t)
        ends = check_times(chosen, "the times of grid_constructor")
        if (ends[0], ends[-1]) != (first, last):
            raise InvalidProblemError(
                f"grid_constructor made a grid from {ends[0]:g} to {ends[-1]:g}; it has to run "
                f"from the first to the last output time, {first:g} to {last:g}"
            )
        return chosen
    if options.step_size is None or len(values) == 1:
        return t
    # By so much may rounding lengthen a span that is a whole number of steps, which is to get no sliver at its end.
    rounding = 4 * torch.finfo(t.dtype).eps * max(abs(first), abs(last)) / options.step_size
    count = max(math.ceil(abs(last - first) / options.step_size * (1 - 1e-12) - rounding), 1)
    signed = math.copysign(options.step_size, last - first)
    return torch.cat([torch.arange(count, dtype=t.dtype, device=t.device) * signed + t[0], t[-1:]])


def steps(
    method: RungeKutta, field: Field, times: list[Time], y: Tensor, statistics: Statistics, *, read: int | None = None
) -> Iterator[Step]:
    """Take one step for each interval of the grid.

    Args:
        method: The method, bound to the state's dtype and device.
        field: Vector field on the flat state.
        times: Grid points; tensors where gradients with respect to times are wanted.
        y: State at the first, shape ``[n]``.
        statistics: Counts the steps.
        read: How many leading entries of the state the field reads; all by default.
    """
    f0 = None
    for start, end in pairwise(times):
        if f0 is None:
            f0 = field(torch.as_tensor(start, dtype=y.dtype.to_real(), device=y.device), y)
        step = method.step(field, start, end - start, y, f0, read=read)
        statistics.accepted += 1
        yield step
        y, f0 = step.y1, step.f1
