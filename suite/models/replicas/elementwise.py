"""Optimisers that treat every number by itself."""

from __future__ import annotations

from typing import TypeVar

import torch

Optimiser = TypeVar("Optimiser", bound=torch.optim.Optimizer)

_ELEMENTWISE = (torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop, torch.optim.SGD)


def elementwise(optimiser: Optimiser) -> Optimiser:
    """Return an optimiser whose update of a number depends on the course of this number and its gradient alone.

    Such an optimiser keeps replicas apart. One that searches along a line or scales by the norm of a whole tensor would
    let each replica's steps depend on the others, and so would clipping the norm of all gradients.

    Raises:
        ValueError: For any other kind of optimiser.
    """
    if type(optimiser) not in _ELEMENTWISE:
        known = ", ".join(kind.__name__ for kind in _ELEMENTWISE)
        raise ValueError(f"replicas are trained by one of {known}, not by {type(optimiser).__name__}")
    return optimiser
