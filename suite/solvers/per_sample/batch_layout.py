"""A batch of states that keeps its batch dimension, and the norm of each of its samples."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from suite.solvers.error_norm import Norm
from suite.solvers.errors import InvalidProblemError
from suite.solvers.state import State, StateLayout


@dataclass(frozen=True)
class BatchLayout(StateLayout):
    """Layout of a state whose first dimension numbers the samples of a batch.

    One tensor stays as it is; a tuple becomes a matrix ``[batch, entries]``. What belongs to a sample, its time and its
    step, is a *column*: a tensor ``[batch, 1, ..., 1]`` that broadcasts with the state.
    """

    @classmethod
    def of(cls, y0: State) -> BatchLayout:
        """Return the layout of a batch.

        Raises:
            InvalidProblemError: When a part has no batch dimension, or parts differ in it or in their number of
                dimensions: the field's time must broadcast with every one of them.
        """
        layout = super().of(y0)
        assert isinstance(layout, BatchLayout)
        batches = {shape[:1] for shape in layout.shapes}
        if len(batches) > 1 or len({len(shape) for shape in layout.shapes}) > 1 or batches == {torch.Size(())}:
            raise InvalidProblemError(
                "per-sample control takes a state whose parts have one number of dimensions and the batch as their "
                f"first, not parts of shapes {', '.join(str(tuple(shape)) for shape in layout.shapes)}"
            )
        if layout.batch == 0:
            raise InvalidProblemError("per-sample control takes at least one sample, but the batch is empty")
        return layout

    @property
    def batch(self) -> int:
        """Number of samples."""
        return self.shapes[0][0]

    @property
    def column(self) -> tuple[int, ...]:
        """Shape of a column in front of the packed state."""
        return (self.batch, *(1 for _ in self.shape[1:]))

    @property
    def time_column(self) -> tuple[int, ...]:
        """Shape of the time that the vector field sees."""
        return (self.batch, *(1 for _ in self.shapes[0][1:]))

    @property
    def sizes(self) -> list[int]:
        """Number of entries of a sample in each part."""
        return [shape[1:].numel() for shape in self.shapes]

    @property
    def shape(self) -> torch.Size:
        """Shape of the packed batch."""
        return torch.Size((self.batch, sum(self.sizes))) if self.is_tuple else self.shapes[0]

    def pack(self, state: State, lead: int = 0) -> Tensor:
        """Return the batch as one tensor."""
        return super().pack(state, lead + 1)

    def unpack(self, packed: Tensor) -> State:
        """Return the batch of a packed tensor, leading dimensions kept."""
        if not self.is_tuple:
            return packed
        lead = packed.shape[:-2]
        parts = packed.split(self.sizes, dim=-1)
        return tuple(part.reshape((*lead, *shape)) for part, shape in zip(parts, self.shapes, strict=True))

    def norm(self, chosen: Norm | None) -> Norm:
        """Return a norm of the packed batch that gives a column.

        Args:
            chosen: The user's: sees a batch as the user does, returns one number a sample, shape ``[batch]``. Root mean
                square over the entries of a sample by default, the largest over the parts of a tuple.
        """
        if chosen is not None:
            return self._chosen(chosen)
        if not self.is_tuple:
            return _rms
        return lambda packed: torch.stack([_rms(part) for part in packed.split(self.sizes, dim=-1)]).amax(dim=0)

    def _chosen(self, norm: Norm) -> Callable[[Tensor], Tensor]:
        def columns(packed: Tensor) -> Tensor:
            norms = norm(self.unpack(packed))
            if not isinstance(norms, Tensor) or norms.shape != (self.batch,):
                given = f"shape {tuple(norms.shape)}" if isinstance(norms, Tensor) else f"a {type(norms).__name__}"
                raise InvalidProblemError(
                    f"option norm returns one number a sample under per-sample control, shape {(self.batch,)}, "
                    f"not {given}"
                )
            return norms.view(self.column)

        return columns


def _rms(batch: Tensor) -> Tensor:
    if batch.ndim == 1:
        return batch.abs()
    norm: Tensor = torch.linalg.vector_norm(batch, dim=tuple(range(1, batch.ndim)), keepdim=True)
    return norm / math.sqrt(max(batch[0].numel(), 1))
