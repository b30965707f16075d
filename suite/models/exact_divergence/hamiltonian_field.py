"""The Hamiltonian flow of Chen et al. 2018, appendix A.1: a field of two halves, neither of which depends on itself."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from suite.models.flows import FlowField


class HamiltonianField(FlowField):
    """``dq/dt = dK/dp, dp/dt = -dV/dq`` with ``H = K(p) + V(q)``; its divergence is zero.

    Both energies are sums of ``a log cosh(w.x + b)``, so that their gradients are perceptrons of one hidden layer.
    """

    def __init__(self, dimensions: int, hidden: int) -> None:
        """Make a field on ``dimensions``, half of them positions and half momenta.

        Raises:
            ValueError: When the number of dimensions is odd.
        """
        super().__init__()
        if dimensions % 2:
            raise ValueError(f"positions and momenta are as many, so the dimensions are even, not {dimensions}")
        self.kinetic = _EnergyGradient(dimensions // 2, hidden)
        self.potential = _EnergyGradient(dimensions // 2, hidden)

    def forward(self, t: Tensor, z: Tensor) -> Tensor:
        """Return ``f(z)``, shape ``[n, d]``."""
        del t
        q, p = z.chunk(2, dim=1)
        return torch.cat([self.kinetic(p), -self.potential(q)], dim=1)

    def velocity_and_divergence(self, t: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``f(z)``, shape ``[n, d]``, and zeros, shape ``[n]``."""
        return self(t, z), torch.zeros_like(z[:, 0])


class _EnergyGradient(nn.Module):
    """The gradient ``W^T (a tanh(W x + b))`` of ``sum_k a_k log cosh(w_k.x + b_k)``."""

    def __init__(self, dimensions: int, hidden: int) -> None:
        super().__init__()
        self.inner = nn.Linear(dimensions, hidden)
        self.heights = nn.Parameter(torch.rand(hidden))

    def forward(self, x: Tensor) -> Tensor:
        gradient: Tensor = (self.heights * torch.tanh(self.inner(x))) @ self.inner.weight
        return gradient
