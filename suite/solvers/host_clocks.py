"""Times as the vector field sees them, on a CPU."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

HOST_DTYPES = {torch.float32: np.float32, torch.float64: np.float64}
"""Dtypes of times that numpy has too."""

_FIRST_BLOCK, _LARGEST_BLOCK = 32, 512


class HostClocks:
    """Makes 0-dimensional tensors of times by writing numbers where tensors made earlier, many at once, look.

    Made one by one, the times of a step take as long as the additions of its stages. No tensor is given out twice.

    Args:
        dtype: One of ``HOST_DTYPES``; numbers are rounded to it once.
    """

    def __init__(self, dtype: torch.dtype) -> None:
        self._dtype = HOST_DTYPES[dtype]
        self._size = _FIRST_BLOCK
        self._numbers = np.empty(0, self._dtype)
        self._tensors: tuple[Tensor, ...] = ()
        self._next = 0

    def take(self, times: Sequence[float]) -> tuple[Tensor, ...]:
        """Return a tensor for each time."""
        start, end = self._next, self._next + len(times)
        if end > len(self._tensors):
            start, end = 0, len(times)
            self._numbers = np.empty(max(self._size, end), self._dtype)
            self._tensors = torch.from_numpy(self._numbers).unbind()
            self._size = min(2 * self._size, _LARGEST_BLOCK)
        self._numbers[start:end] = times
        self._next = end
        return self._tensors[start:end]
