"""The condition as more inputs of a field."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ConditionConcatenation(nn.Module):
    """``f(t, z, c) = field(t, [z, c])``: a field that reads state and condition beside each other."""

    def __init__(self, field: nn.Module) -> None:
        """Wrap a field called as ``field(t, joint)``, whose outputs are as many as the features of ``z`` alone."""
        super().__init__()
        self.field = field

    def forward(self, t: Tensor, z: Tensor, condition: Tensor) -> Tensor:
        """Return the derivative of ``z [n, d, ...]`` under the condition ``[n, k, ...]``."""
        derivative: Tensor = self.field(t, torch.cat([z, condition], dim=1))
        return derivative
