"""Parameters along depth."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from suite.models.depth_varying import Basis


class ParameterPath(nn.Module, ABC):
    """``theta(s)``: the parameters of a network at a depth."""

    @abstractmethod
    def forward(self, s: Tensor) -> Tensor:
        """Return the parameters, shape ``[size]``, at a depth of shape ``[]``."""


class SpectralPath(ParameterPath):
    """``theta(s) = sum_j alpha_j psi_j(s)`` (Massaroli et al. 2020, corollary 1).

    Attributes:
        basis: The functions ``psi``.
        coefficients: ``alpha``, shape ``[basis.size, size]``; trained.
    """

    def __init__(self, basis: Basis, coefficients: Tensor) -> None:
        """Hold the basis and the coefficients."""
        super().__init__()
        self.basis = basis
        self.coefficients = nn.Parameter(coefficients)

    def forward(self, s: Tensor) -> Tensor:
        """Return ``theta(s)``."""
        values: Tensor = self.basis(s)
        return values @ self.coefficients


class BumpedPath(ParameterPath):
    """``theta(s) + amount b((s - centre) / width) direction``, ``b(u) = (1 - u^2)^4`` for ``|u| < 1`` and else 0.

    A perturbation near one depth, smooth enough for the order of a solver; its integral over depth is
    ``width 256 / 315``.
    """

    MASS = 256 / 315
    """Integral of ``b``."""

    def __init__(self, path: ParameterPath, direction: Tensor, centre: float, width: float, amount: float) -> None:
        """Perturb a path in a direction, shape ``[size]``, between ``centre - width`` and ``centre + width``."""
        super().__init__()
        self.path = path
        self.register_buffer("direction", direction)
        self.centre = centre
        self.width = width
        self.amount = amount

    def bump(self, s: Tensor) -> Tensor:
        """Return ``b`` at depths of any shape."""
        return (1 - ((s - self.centre) / self.width).square()).clamp(min=0) ** 4

    def forward(self, s: Tensor) -> Tensor:
        """Return the perturbed parameters."""
        theta: Tensor = self.path(s)
        return theta + self.amount * self.bump(s) * torch.as_tensor(self.direction)
