"""Output times: checked, and as Python numbers unless gradients with respect to them are wanted."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor

from suite.solvers.errors import InvalidProblemError, InvalidTypeError
from suite.solvers.stage_sum import Time


def number(time: Time) -> float:
    """Return a time as a Python number."""
    return float(time.detach()) if isinstance(time, Tensor) else time


def clock_of(time: Time, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return a time as a 0-dimensional tensor. A number is written on the device: nothing is copied from the host."""
    if isinstance(time, Tensor):
        return time.to(device, dtype)
    return torch.full((), time, dtype=dtype, device=device)


def check_times(t: Tensor, what: str = "the output times t") -> list[float]:
    """Return times as Python numbers; ``what`` they are is for the messages.

    Raises:
        InvalidTypeError: When they are no tensor, or not of floating-point numbers.
        InvalidProblemError: Unless they are a 1-dimensional floating-point tensor, finite and strictly monotone.
    """
    if not isinstance(t, Tensor):
        raise InvalidTypeError(f"{what} are a tensor, not {type(t).__name__}")
    if t.ndim != 1 or not t.is_floating_point():
        kind = InvalidProblemError if t.is_floating_point() else InvalidTypeError
        raise kind(f"{what} are a 1-dimensional floating-point tensor, not of shape {tuple(t.shape)} and {t.dtype}")
    values: list[float] = t.tolist()
    if not values:
        raise InvalidProblemError(f"{what} are empty; give at least one")
    for value in values:
        if not math.isfinite(value):
            raise InvalidProblemError(f"{what} must be finite, but include {value}")
    direction = 1 if values[-1] > values[0] else -1
    for before, after in pairwise(values):
        if direction * (after - before) <= 0:
            raise InvalidProblemError(
                f"{what} must be strictly increasing or decreasing, but {after:g} follows {before:g}"
            )
    return values


def clocks(t: Tensor, values: list[float]) -> list[Time]:
    """Return the times for the solver: tensors where autograd follows them, else Python numbers."""
    if torch.is_grad_enabled() and t.requires_grad:
        return list(t.unbind())
    return list(values)
