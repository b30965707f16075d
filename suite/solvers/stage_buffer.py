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

    def parts(self, t: Tensor, y: Tensor) -> list[Tensor]:
        """Evaluate the field at a state of which only the entries that it reads are given."""
        ...


class StageBuffer:
    """The stage derivatives of a step in one ``[stages, *state]`` tensor, with the views that a step needs made once.

    Attributes:
        stages: The buffer.
        rows: Its rows, each of the state's shape.
        whole: For every count ``i``, the first ``i`` stages, shape ``[n, i]``.
        before: The same, restricted to the entries that the field reads.
        parts: The rows again, each as views on the parts of a state of several parts.
    """

    def __init__(self, count: int, like: Tensor, read: int | None, shapes: Sequence[torch.Size] | None) -> None:
        self.stages = like.new_empty(count, *like.shape)
        self.rows = self.stages.unbind()
        flat = self.stages.view(count, like.numel())
        self.whole = [flat[:i].t() for i in range(count + 1)]
        self.before = self.whole if read is None else [view[:read] for view in self.whole]
        self.parts = [] if shapes is None else [_views(row, shapes) for row in self.rows]


def _views(row: Tensor, shapes: Sequence[torch.Size]) -> list[Tensor]:
    parts = row.split([shape.numel() for shape in shapes])
    return [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]
