"""A vector field in the lower precision of autocast, for a solve that stays in the precision of its state."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class AutocastField(nn.Module):
    """``f(t, y)`` computed under autocast, returned in the dtype of ``y``.

    Only the field is lowered. A solver adds small increments to a state and subtracts nearly equal stages to estimate
    its error, so its own sums must not be: a state of bfloat16, which has eight bits, would lose every increment below
    its two hundred and fiftieth part. And the backward pass of an adjoint evaluates the field when the forward pass's
    autocast is over, so the field brings its own.
    """

    def __init__(self, field: nn.Module, device_type: str, dtype: torch.dtype) -> None:
        """Wrap a field.

        Args:
            field: A module called as ``field(t, y)``.
            device_type: Where it is evaluated, ``cpu`` or ``cuda``.
            dtype: What autocast lowers convolutions and matrix products to.
        """
        super().__init__()
        self.field = field
        self.device_type = device_type
        self.dtype = dtype

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        """Return ``dy/dt`` of the shape and dtype of the state ``y``."""
        # Without autocast's cache of lowered weights: a copy that an evaluation without gradients made, as those of an
        # adjoint's forward pass are, would be taken by one with gradients, which then stop at it.
        with torch.autocast(self.device_type, dtype=self.dtype, cache_enabled=False):
            derivative: Tensor = self.field(t, y)
        return derivative.to(y.dtype)
