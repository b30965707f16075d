"""The grid of a solve with fixed steps."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from suite.solvers.errors import InvalidProblemError
from suite.solvers.options import FixedGridOptions
from suite.solvers.stage_sum import Time
from suite.solvers.times import check_times, clocks


@dataclass(frozen=True, eq=False)
class Grid:
    """Times between which a solve takes one step each.

    Attributes:
        values: The times as numbers.
        clocks: The same, tensors where gradients with respect to times are wanted.
        is_outputs: Whether they are the output times themselves.
    """

    values: list[float]
    clocks: list[Time]
    is_outputs: bool


def grid(
    options: FixedGridOptions, vector_field: object, y0: object, t: Tensor, values: list[float], outputs: list[Time]
) -> Grid:
    """Return the grid: the output times, equal steps whose last is shorter where need be, or the user's own.

    Args:
        options: What was asked for.
        vector_field: For the user's ``grid_constructor``.
        y0: Likewise.
        t: Output times, shape ``[outputs]``.
        values: The same as numbers.
        outputs: The same, tensors where gradients with respect to them are wanted.

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
        return Grid(ends, clocks(chosen, ends), is_outputs=False)
    if options.step_size is None or len(values) == 1:
        return Grid(values, outputs, is_outputs=True)
    # By so much may rounding lengthen a span that is a whole number of steps, which is to get no sliver at its end.
    rounding = 4 * torch.finfo(t.dtype).eps * max(abs(first), abs(last)) / options.step_size
    count = max(math.ceil(abs(last - first) / options.step_size * (1 - 1e-12) - rounding), 1)
    signed = math.copysign(options.step_size, last - first)
    inner = [index * signed for index in range(1, count)]
    return Grid(
        [first, *(first + offset for offset in inner), last],
        [outputs[0], *(outputs[0] + offset for offset in inner), outputs[-1]],
        is_outputs=False,
    )
