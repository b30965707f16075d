"""The harmonic oscillator as dynamics of any even order, whose solution is known."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from suite.models.augmentation import HigherOrderField


class HarmonicField(HigherOrderField):
    """``d^n q/dt^n = (-1)^(n/2) q``: of order 2 it is ``q'' = -q``, and ``cos t`` solves it for every even order."""

    def __init__(self, order: int) -> None:
        """Make the field.

        Raises:
            ValueError: For an odd order.
        """
        if order % 2:
            raise ValueError(f"cos t solves an equation of even order, not {order}")
        super().__init__(_Highest(order), order)

    def companion(self) -> Tensor:
        """Return the matrix of the equation as a first-order system of one oscillator, shape ``[n, n]``, float64."""
        matrix = torch.diag(torch.ones(self.order - 1, dtype=torch.float64), 1)
        matrix[-1, 0] = (-1) ** (self.order // 2)
        return matrix


class _Highest(nn.Module):
    def __init__(self, order: int) -> None:
        super().__init__()
        self.order = order

    def forward(self, t: Tensor, z: Tensor) -> Tensor:
        del t
        position = z[:, : z.shape[1] // self.order]
        return -position if self.order % 4 else position


def harmonic_start(order: int) -> Tensor:
    """Return ``cos`` and its derivatives at 0 up to the order less one: 1, 0, -1, 0, ..., shape ``[1, order]``."""
    cycle = torch.tensor([1.0, 0.0, -1.0, 0.0], dtype=torch.float64)
    return cycle.repeat(order // 4 + 1)[:order].unsqueeze(0)
