"""Lorenz' system (Lorenz 1963, *Deterministic nonperiodic flow*)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn


class Lorenz(nn.Module):
    """``x' = sigma (y - x)``, ``y' = x (rho - z) - y``, ``z' = x y - beta z`` with 10, 28 and 8/3."""

    dimensions: ClassVar[int] = 3
    multiplications: ClassVar[int] = 4
    """Products of one evaluation, which no counter of matrix products sees."""

    def forward(self, t: Tensor, state: Tensor) -> Tensor:
        """Return the derivative of states ``[..., 3]``; the time is not used."""
        del t
        x, y, z = state.unbind(dim=-1)
        return torch.stack([10.0 * (y - x), x * (28.0 - z) - y, x * y - (8.0 / 3.0) * z], dim=-1)
