"""Stepping over a fixed grid."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor

from suite.solvers.errors import InvalidProblemError
from suite.solvers.options import FixedGridOptions
from suite.solvers.runge_kutta import Field, RungeKutta, Step, Time
from suite.solvers.solution import Statistics


def grid(options: FixedGridOptions, vector_field: object, y0: object, t: Tensor) -> Tensor:
    """Return the grid: the output times, equal steps whose last is shorter where need be, or the user's own.

    Raises:
        InvalidProblemError: When the user's grid does not run from the first to the last output time.
    """
    if options.grid_constructor is not None:
        chosen = options.grid_constructor(vector_field, y0, t)
        if float(chosen[0]) != float(t[0]) or float(chosen[-1]) != float(t[-1]):
            raise InvalidProblemError(
                f"grid_constructor made a grid from {float(chosen[0]):g} to {float(chosen[-1]):g}; it has to run "
                f"from the first to the last output time, {float(t[0]):g} to {float(t[-1]):g}"
            )
        return chosen
    if options.step_size is None:
        return t
    span = float(t[-1]) - float(t[0])
    direction = 1 if span > 0 else -1
    # The tolerance keeps a span that is a whole number of steps, up to rounding, from getting a sliver at its end.
    whole = int(abs(span) / options.step_size * (1 + 1e-12) + 1e-9)
    inner = torch.arange(max(whole, 1), dtype=t.dtype, device=t.device) * (direction * options.step_size) + t[0]
    if whole and abs(span) - whole * options.step_size > 1e-9 * options.step_size:
        last_inner = t[0] + direction * options.step_size * whole
        return torch.cat([inner, last_inner.reshape(1), t[-1:]])
    return torch.cat([inner, t[-1:]])


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
