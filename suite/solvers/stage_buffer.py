"""The buffer that holds the stage derivatives of a step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor


class PartedField(Protocol):
    """A vector field on a state that is a vector of several parts, which it gives one by one.

    Attributes:
        shapes: Shapes of the parts.
    """

    shapes: Sequence[torch.Size]

    def parts(self, t: Tensor, y: Tensor, *, quadratures: bool = True) -> list[Tensor]:
        """Evaluate the field at a state of which only the entries that it reads are given.

        Args:
            t: Time.
            y: The entries that the field reads.
            quadratures: Whether the derivatives of the other entries are wanted; otherwise they may be left out.
        """
        ...


class StageBuffer:
    """The stage derivatives of a step in one ``[stages, n]`` tensor, with the views that a step needs made once.

    Attributes:
        stages: The buffer.
        rows: Its rows.
        whole: For every count ``i``, the first ``i`` stages, shape ``[n, i]``.
        before: The same, restricted to the entries that the field reads.
        parts: The rows again, each as views on the parts of the state.
    """

    def __init__(self, count: int, like: Tensor, read: int, shapes: Sequence[torch.Size]) -> None:
        self.stages = like.new_zeros(count, len(like))  # some stages have no quadratures
        self.rows = self.stages.unbind()
        self.whole = [self.stages[:i].t() for i in range(count + 1)]
        self.before = [view[:read] for view in self.whole]
        self.parts = [_views(row, shapes) for row in self.rows]


def _views(row: Tensor, shapes: Sequence[torch.Size]) -> list[Tensor]:
    parts = row.split([shape.numel() for shape in shapes])
    return [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]
