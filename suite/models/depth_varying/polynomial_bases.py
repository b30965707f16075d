"""Polynomials of depth."""

from __future__ import annotations

import torch
from torch import Tensor

from suite.models.depth_varying.basis import Basis


class PolynomialBasis(Basis):
    """``degree + 1`` polynomials, one of each degree."""

    def __init__(self, degree: int) -> None:
        """Choose the largest degree.

        Raises:
            ValueError: For a negative degree.
        """
        super().__init__()
        if degree < 0:
            raise ValueError(f"a degree is at least 0, not {degree}")
        self.size = degree + 1


class MonomialBasis(PolynomialBasis):
    """``1, s, s^2, ..., s^degree``."""

    def forward(self, s: Tensor) -> Tensor:
        """Evaluate the functions; see :class:`Basis`."""
        return torch.stack([s**power for power in range(self.size)], dim=-1)


class ChebyshevBasis(PolynomialBasis):
    """``T_0(x), ..., T_degree(x)`` with ``x = 2 s - 1``: orthogonal on ``[0, 1]`` with weight ``(s - s^2)^(-1/2)``."""

    def forward(self, s: Tensor) -> Tensor:
        """Evaluate the functions; see :class:`Basis`."""
        x = 2 * s - 1
        # By recurrence: unlike cos(k arccos x) it is smooth at the ends, and defined beyond them.
        values = [torch.ones_like(s), x]
        while len(values) < self.size:
            values.append(2 * x * values[-1] - values[-2])
        return torch.stack(values[: self.size], dim=-1)
