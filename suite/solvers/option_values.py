"""Checks of the values that options can have."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from suite.solvers.errors import InvalidProblemError, InvalidTypeError


def number_option(name: str, value: Any) -> float:
    """Return an option that is one number: a Python or NumPy number, or a tensor of one entry.

    Raises:
        InvalidTypeError: When it is something else.
    """
    if isinstance(value, float | int) and not isinstance(value, bool):
        return value
    if isinstance(value, Tensor) and value.numel() == 1 and not value.is_complex():
        return float(value.detach())
    if isinstance(value, Real) and not isinstance(value, bool):
        return float(value)
    given = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"{value!r}"
    raise InvalidTypeError(f"option {name} is a number, not {given}")


def check_count(name: str, value: float) -> None:
    """Refuse an option that is no whole number of at least 1.

    Raises:
        InvalidProblemError: When it is something else.
    """
    if not (value >= 1 and value % 1 == 0):
        raise InvalidProblemError(f"option {name} is a whole number of at least 1, not {value}")


def function_option(name: str, value: object) -> None:
    """Refuse an option that is no function.

    Raises:
        InvalidTypeError: When it cannot be called.
    """
    if not callable(value):
        raise InvalidTypeError(f"option {name} is a function, not {value!r}")


def times_option(name: str, value: Any) -> frozenset[float]:
    """Return an option that is a set of times: a tensor of any shape or an iterable of numbers.

    Raises:
        InvalidTypeError: When it is something else.
        InvalidProblemError: When one of them is not-a-number.
    """
    if isinstance(value, Tensor):
        if value.is_complex():
            raise InvalidTypeError(f"option {name} holds real times, not {value.dtype}")
        value = value.detach().reshape(-1).to(torch.float64).tolist()
    if not isinstance(value, Iterable) or isinstance(value, str):
        raise InvalidTypeError(f"option {name} is a tensor or a sequence of times, not {value!r}")
    times = frozenset(number_option(name, time) for time in value)
    if any(math.isnan(time) for time in times):
        raise InvalidProblemError(f"option {name} holds times, not nan")
    return times


def dtype_option(name: str, value: object) -> None:
    """Refuse an option that is no dtype of real floating-point numbers.

    Raises:
        InvalidTypeError: When it is something else.
    """
    if not isinstance(value, torch.dtype) or not value.is_floating_point:
        raise InvalidTypeError(f"option {name} is a floating-point dtype of torch, not {value!r}")
