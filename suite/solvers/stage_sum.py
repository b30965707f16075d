"""Weighted sums of stage derivatives that autograd can follow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

Time = float | Tensor
"""A time or a step: a Python number, or a 0-dimensional tensor where gradients with respect to times are wanted."""


def factor(value: Time, y: Tensor) -> Any:
    """Return a number as a factor of states: a tensor in their dtype, lest it promote one without dimensions."""
    return value.to(y.dtype) if isinstance(value, Tensor) else value


def neighbour(times: Tensor, towards: Tensor) -> Tensor:
    """Return the representable times next to given ones in a direction; gradients are those of the times themselves."""
    fixed = times.detach()
    return times + (torch.nextafter(fixed, towards.detach()) - fixed)


Terms = tuple[tuple[int, float], ...]
"""The terms of a sum over stages: the index of each stage that counts, and its weight."""


def terms_of(weights: Sequence[float]) -> Terms:
    """Return the terms of a sum with these weights; those of weight zero are left out."""
    return tuple((index, weight) for index, weight in enumerate(weights) if weight)


def stage_sum(y: Tensor, slopes: Sequence[Tensor], terms: Terms, h: Time) -> Tensor:
    """Return ``y + h * sum_i weight[i] * slopes[i]``.

    One addition a term: under autograd that is cheaper, forwards and backwards, than stacking the slopes for one
    matrix-vector product, and keeps nothing for the backward pass.

    Args:
        y: State.
        slopes: Stage derivatives, each of the state's shape.
        terms: The stages that count and their weights, at least one.
        h: Step size.
    """
    add = torch.add
    if isinstance(h, Tensor):
        total = torch.zeros_like(y)
        for index, weight in terms:
            total = add(total, slopes[index], alpha=weight)
        moved: Tensor = y + factor(h, y) * total
        return moved
    # Not in place, where it could be: the machine code of one operation stays in the cache between evaluations of the
    # field, that of two does not, which was measured to cost more than the memory.
    total = y
    for index, weight in terms:
        total = add(total, slopes[index], alpha=weight * h)
    return total
