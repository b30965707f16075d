"""A field that is another one on every piece of the depth."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from suite.models.depth_varying.depth_layer import DepthLayer

Beyond = Literal["hold", "periodic"]
"""Outside the interval: the first or last piece goes on, or the pieces repeat."""


class StackedField(DepthLayer):
    """``f_i(s, z)`` for ``s`` in ``[s_i, s_(i+1))``, pieces of one length (Massaroli et al. 2020, section 3).

    The field jumps from piece to piece: an adaptive solver has to end a step there (:meth:`adaptive_options`), and one
    on a fixed grid to keep its evaluations inside the pieces (:meth:`grid_options`); without, they are correct to the
    accuracy of a field that is not smooth. The piece is chosen on the host, which waits for a depth on another device.
    """

    def __init__(
        self, fields: Sequence[nn.Module], start: float = 0.0, end: float = 1.0, beyond: Beyond = "hold"
    ) -> None:
        """Stack fields.

        Args:
            fields: Modules called as ``field(s, z)``, first to last.
            start: Depth at which the first begins.
            end: Depth at which the last ends.
            beyond: What the field is outside.

        Raises:
            ValueError: For no fields, an empty interval, or an unknown continuation.
        """
        super().__init__()
        if not fields or not end > start:
            raise ValueError(f"there is a field and the end is after the start, not {len(fields)}, {start} to {end}")
        if beyond not in get_args(Beyond):
            raise ValueError(f"unknown continuation {beyond!r}; they are {', '.join(get_args(Beyond))}")
        self.fields = nn.ModuleList(fields)
        self.start = start
        self.end = end
        self.beyond = beyond

    @property
    def boundaries(self) -> tuple[float, ...]:
        """Ends of the pieces inside the interval, from ``start`` to ``end``: one more than there are pieces."""
        return tuple(self._boundary(index) for index in range(len(self.fields) + 1))

    def piece_at(self, s: float) -> int:
        """Return the index of the field at a depth; at a boundary, that of the piece which begins there."""
        pieces = len(self.fields)
        index = math.floor((s - self.start) / (self.end - self.start) * pieces)
        # The quotient rounds: what decides is the boundary as it is given to a solver.
        if s >= self._boundary(index + 1):
            index += 1
        elif s < self._boundary(index):
            index -= 1
        return index % pieces if self.beyond == "periodic" else min(max(index, 0), pieces - 1)

    def jumps(self, first: float, last: float) -> tuple[float, ...]:
        """Return the depths from ``first`` to ``last``, in either order and both included, at which the field jumps."""
        low, high = min(first, last), max(first, last)
        pieces = len(self.fields)
        length = (self.end - self.start) / pieces
        indices = range(math.floor((low - self.start) / length), math.ceil((high - self.start) / length) + 1)
        if self.beyond == "hold":
            indices = range(max(indices.start, 1), min(indices.stop, pieces))
        found = [self._boundary(index) for index in indices]
        return tuple(depth for depth in found if low <= depth <= high)

    def adaptive_options(self, t: Tensor) -> dict[str, Any]:
        """Return the options with which an adaptive method stops at the jumps between output times ``t``."""
        return {"jump_t": self.jumps(float(t[0]), float(t[-1]))}

    def grid_options(self, steps: int) -> dict[str, Any]:
        """Return the options with which a method on a fixed grid takes so many steps in every piece.

        Output times inside a piece are ends of steps too.

        Raises:
            ValueError: For fewer than one step.
        """
        if steps < 1:
            raise ValueError(f"there is at least one step in a piece, not {steps}")
        return {"grid_constructor": self._grid(steps), "perturb": True}

    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        """Return the field at a depth common to all samples.

        Raises:
            ValueError: For depths of the samples' own: they may lie in several pieces.
        """
        if s.dim() != 0:
            raise ValueError(f"a stacked field takes one depth for all samples, not {tuple(s.shape)}")
        derivative: Tensor = self.fields[self.piece_at(float(s))](s, z)
        return derivative

    def _boundary(self, index: int) -> float:
        return self.start + (self.end - self.start) * index / len(self.fields)

    def _grid(self, steps: int) -> Callable[[Any, Any, Tensor], Tensor]:
        def constructor(field: Any, y0: Any, t: Tensor) -> Tensor:
            del field, y0
            outputs = t.detach().tolist()
            stops = sorted({*outputs, *self.jumps(outputs[0], outputs[-1])})
            longest = (self.end - self.start) / len(self.fields) / steps
            points = [stops[0]]
            for start, end in pairwise(stops):
                # Part of a piece between outputs has steps no longer than the others.
                count = max(math.ceil((end - start) / longest - 1e-6), 1)
                points.extend(start + (end - start) * step / count for step in range(1, count))
                points.append(end)
            # An output and a jump may be one number in the dtype of the times.
            grid: Tensor = torch.tensor(points, dtype=t.dtype, device=t.device).unique()
            return grid if outputs[-1] > outputs[0] else grid.flip(0)

        return constructor
