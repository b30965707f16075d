"""Times as the vector field sees them, on a CPU."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor

from suite.solvers.order_conditions import Array

HOST_DTYPES = {torch.float32: np.float32, torch.float64: np.float64}
"""Dtypes of times that numpy has too."""

_FIRST_BLOCK, _LARGEST_BLOCK = 32, 512
_FIRST_ROWS, _MOST_ROWS = 4, 64  # a solve of few steps pays for few


def clocks_of_steps(times: Array, nodes: Sequence[float] | Array) -> Array:
    """Return ``t + node * h`` for each step of a grid and each node, shape ``[steps, nodes]``, in double precision."""
    found: Array = np.multiply.outer(times[1:] - times[:-1], nodes) + times[:-1, None]
    return found


class HostClocks:
    """Makes 0-dimensional tensors of times by writing numbers where tensors made earlier, many at once, look.

    Made one by one, the times of a step take as long as the additions of its stages. No tensor is given out twice.

    Args:
        dtype: One of ``HOST_DTYPES``; numbers are rounded to it once.
    """

    def __init__(self, dtype: torch.dtype) -> None:
        self._dtype = HOST_DTYPES[dtype]
        self._size = _FIRST_BLOCK
        self._numbers: Any = np.empty(0, self._dtype).data
        self._tensors: tuple[Tensor, ...] = ()
        self._next = 0

    def take(self, t: float, h: float, nodes: Sequence[float]) -> tuple[Tensor, ...]:
        """Return ``t + node * h`` for each node of a step."""
        start = self._next
        end = self._next = start + len(nodes)
        if end > len(self._tensors):
            return self._take_from_another_block(t, h, nodes)
        numbers, index = self._numbers, start
        for node in nodes:
            numbers[index] = node * h + t
            index += 1
        return self._tensors[start:end]

    def take_grid(self, times: Sequence[float], nodes: Sequence[float]) -> Iterator[tuple[Tensor, ...]]:
        """Return, step by step over a grid, ``t + node * h`` for each node."""
        several = max(_LARGEST_BLOCK // len(nodes), 1)
        grid = np.asarray(times)
        starts = [grid[first : first + several + 1] for first in range(0, len(grid) - 1, several)]
        return chain.from_iterable(self._block(block, nodes) for block in starts)

    def _block(self, times: Array, nodes: Sequence[float]) -> Iterator[tuple[Tensor, ...]]:
        clocks = clocks_of_steps(times, nodes)
        tensors = iter(torch.from_numpy(clocks.astype(self._dtype).reshape(-1)).unbind())
        return zip(*[tensors] * len(nodes), strict=True)

    def _take_from_another_block(self, t: float, h: float, nodes: Sequence[float]) -> tuple[Tensor, ...]:
        block = np.empty(max(self._size, len(nodes)), self._dtype)
        self._size = min(2 * self._size, _LARGEST_BLOCK)
        self._numbers, self._tensors, self._next = block.data, torch.from_numpy(block).unbind(), 0
        return self.take(t, h, nodes)


class HostStepClocks:
    """Makes the clocks of compiled steps, the time of every stage and the step size in one tensor, in the same way.

    Args:
        dtype: As of :class:`HostClocks`.
        nodes: The nodes of the method.
    """

    def __init__(self, dtype: torch.dtype, nodes: Sequence[float]) -> None:
        self._dtype, self._nodes = HOST_DTYPES[dtype], tuple(nodes)
        self._numbers: Any = np.empty(0, self._dtype).data
        self._rows: tuple[Tensor, ...] = ()
        self._size = _FIRST_ROWS
        self._next = 0

    def take(self, t: float, h: float) -> Tensor:
        """Return ``t + node * h`` for each node of a step, and ``h``, shape ``[nodes + 1]``."""
        if self._next == len(self._rows):
            block = np.empty((self._size, len(self._nodes) + 1), self._dtype)
            self._size = min(2 * self._size, _MOST_ROWS)
            self._numbers, self._rows, self._next = block.reshape(-1).data, torch.from_numpy(block).unbind(), 0
        row = self._next
        self._next = row + 1
        numbers, index = self._numbers, row * (len(self._nodes) + 1)
        for node in self._nodes:
            numbers[index] = node * h + t
            index += 1
        numbers[index] = h
        return self._rows[row]
