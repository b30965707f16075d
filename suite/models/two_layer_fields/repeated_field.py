"""A field that repeats with depth."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from suite.models.depth_varying import DepthLayer


class RepeatedField(DepthLayer):
    """``f(s mod period, z)``: what a field does on its first period, over and over; it may jump where a period ends."""

    def __init__(self, field: nn.Module, period: float = 1.0) -> None:
        """Repeat ``field(s, z)`` with a period in units of depth.

        Raises:
            ValueError: For a period that is not positive.
        """
        super().__init__()
        if not period > 0:
            raise ValueError(f"a period is positive, not {period}")
        self.field = field
        self.period = period

    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        """Return the field at a depth; see :class:`suite.models.depth_varying.DepthLayer`."""
        derivative: Tensor = self.field(torch.remainder(s, self.period), z)
        return derivative
