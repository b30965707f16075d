"""The trigonometric polynomials of a given period."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from suite.models.depth_varying.basis import Basis


class FourierBasis(Basis):
    """``1, cos(2 pi j s / T), sin(2 pi j s / T)`` for ``j = 1, ..., harmonics`` (Massaroli et al. 2020, section 3).

    Orthogonal over a period: the constant has the square integral ``T``, the others ``T / 2``. All cosines come before
    the sines.
    """

    orders: Tensor

    def __init__(self, harmonics: int, period: float = 1.0) -> None:
        """Choose the harmonics, none giving constants alone, and the period ``T`` in units of depth.

        Raises:
            ValueError: For fewer than no harmonics, or a period that is not positive.
        """
        super().__init__()
        if harmonics < 0 or not period > 0:
            raise ValueError(f"harmonics are at least 0 and the period is positive, not {harmonics} and {period}")
        self.size = 2 * harmonics + 1
        self.period = period
        # Whole numbers are exact in every dtype that the module is converted to; multiples of pi are not.
        self.register_buffer("orders", torch.arange(1.0, harmonics + 1), persistent=False)

    def forward(self, s: Tensor) -> Tensor:
        """Evaluate the functions; see :class:`Basis`."""
        angles = (2 * math.pi / self.period) * s.unsqueeze(-1) * self.orders.to(s.dtype)
        return torch.cat([torch.ones_like(s).unsqueeze(-1), torch.cos(angles), torch.sin(angles)], dim=-1)
