"""Limits and choices that mean the same for a number and, entry by entry, for a tensor.

With them a formula is written once, for joint control (Python numbers: no tensor of one entry is made) and for
per-sample control (one entry a sample: the host never reads them).
"""

from __future__ import annotations

from typing import TypeVar, overload

import torch
from torch import Tensor

Quantity = TypeVar("Quantity", float, Tensor)
"""A number, or a tensor of numbers."""

_NUMBERS = (float, int)  # made once: this is asked several times a step


def limited(value: Quantity, low: float, high: float) -> Quantity:
    """Return a value within limits; not-a-number stays what it is."""
    if isinstance(value, _NUMBERS):  # asked first, since asking whether something is a tensor takes longer
        return low if value < low else high if value > high else value
    return value.clamp(low, high)


@overload
def choose(condition: bool, yes: float, no: float) -> float: ...
@overload
def choose(condition: Tensor, yes: Tensor, no: Tensor | float) -> Tensor: ...
def choose(condition: bool | Tensor, yes: float | Tensor, no: float | Tensor) -> float | Tensor:
    """Return ``yes`` where the condition holds and ``no`` elsewhere."""
    if isinstance(condition, bool):
        return yes if condition else no
    return torch.where(condition, yes, no)
