"""Parameters of models of different sizes in one tensor."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def stacked(parts: Sequence[Tensor], size: int, *, fill: float = 0.0) -> Tensor:
    """Return ``[models, size, ...]`` of parts ``[own size, ...]``, each filled up at its end."""
    whole = parts[0].new_full((len(parts), size, *parts[0].shape[1:]), fill)
    for row, part in zip(whole, parts, strict=True):
        row[: len(part)] = part
    return whole


@torch.no_grad()
def put_back(whole: Tensor, parts: Sequence[Tensor]) -> None:
    """Copy the rows of :func:`stacked` into the parts they came from, without what they were filled up with."""
    for row, part in zip(whole, parts, strict=True):
        part.copy_(row[: len(part)])
