"""The state as one tensor: how tuples of tensors are packed for the solvers.

A state that is one tensor stays as it is, shape and memory format included; a tuple becomes one vector.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from suite.solvers.errors import InvalidProblemError, InvalidTypeError

State = Tensor | tuple[Tensor, ...]


@dataclass(frozen=True)
class StateLayout:
    """Shapes of the parts of a state, and whether the user sees a tuple or one tensor."""

    shapes: tuple[torch.Size, ...]
    is_tuple: bool
    dtype: torch.dtype
    device: torch.device

    @classmethod
    def of(cls, y0: State) -> StateLayout:
        """Return the layout of a state.

        Raises:
            InvalidTypeError: When a part is no floating-point or complex tensor.
            InvalidProblemError: When parts differ in dtype or device, or there is none.
        """
        parts = y0 if isinstance(y0, tuple) else (y0,)
        if not parts:
            raise InvalidProblemError("the initial state y0 is an empty tuple; it needs at least one tensor")
        for part in parts:
            if not isinstance(part, Tensor):
                raise InvalidTypeError(
                    f"the initial state y0 is a tensor or a tuple of tensors, not {type(part).__name__}"
                )
            if not (part.is_floating_point() or part.is_complex()):
                raise InvalidTypeError(f"the initial state y0 is floating-point or complex, not {part.dtype}")
        kinds = {(part.dtype, part.device) for part in parts}
        if len(kinds) > 1:
            raise InvalidProblemError(f"the parts of y0 have one dtype and device, not {sorted(map(str, kinds))}")
        (dtype, device) = kinds.pop()
        return cls(tuple(part.shape for part in parts), isinstance(y0, tuple), dtype, device)

    @property
    def sizes(self) -> list[int]:
        """Number of entries of each part."""
        return [shape.numel() for shape in self.shapes]

    @property
    def time_dtype(self) -> torch.dtype:
        """Dtype of the time that the vector field sees: the real dtype that belongs to the state's."""
        return self.dtype.to_real()

    @property
    def shape(self) -> torch.Size:
        """Shape of the packed state."""
        return torch.Size((sum(self.sizes),)) if self.is_tuple else self.shapes[0]

    def pack(self, state: State, lead: int = 0) -> Tensor:
        """Return the state as one tensor.

        Args:
            state: A state.
            lead: Number of leading dimensions that every part has beside its own, kept as they are.
        """
        if isinstance(state, tuple):
            return torch.cat([part.reshape((*part.shape[:lead], -1)) for part in state], dim=-1)
        return state

    def unpack(self, packed: Tensor) -> State:
        """Return the state of a packed tensor, leading dimensions kept."""
        if not self.is_tuple:
            return packed
        lead = packed.shape[:-1]
        parts = packed.split(self.sizes, dim=-1)
        return tuple(part.reshape((*lead, *shape)) for part, shape in zip(parts, self.shapes, strict=True))
