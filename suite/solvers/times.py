"""Output times: checked, and as Python numbers unless gradients with respect to them are wanted."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor

from suite.solvers.errors import InvalidProblemError
from suite.solvers.runge_kutta import Time


def check_times(t: Tensor) -> list[float]:
    """Return the output times as Python numbers.

    Raises:
        InvalidProblemError: Unless they are a 1-dimensional floating-point tensor, finite and strictly monotone.
    """
    if not isinstance(t, Tensor):
        raise InvalidProblemError(f"the output times t are a tensor, not {type(t).__name__}")
    if t.ndim != 1 or not t.is_floating_point():
        raise InvalidProblemError(
            f"the output times t are a 1-dimensional floating-point tensor, not of shape {tuple(t.shape)} and {t.dtype}"
        )
    values: list[float] = t.detach().to(torch.float64).tolist()
    if not values:
        raise InvalidProblemError("the output times t are empty; give at least one")
    if not all(math.isfinite(value) for value in values):
        raise InvalidProblemError("the output times t are not all finite")
    direction = 1 if values[-1] > values[0] else -1
    for before, after in pairwise(values):
        if direction * (after - before) <= 0:
            raise InvalidProblemError(
                f"the output times t must be strictly increasing or decreasing, but {after:g} follows {before:g}"
            )
    return values


def clocks(t: Tensor, values: list[float]) -> list[Time]:
    """Return the times for the solver: tensors where autograd follows them, else Python numbers."""
    if torch.is_grad_enabled() and t.requires_grad:
        return list(t.unbind())
    return list(values)
