"""A contracting field: each coordinate decays at a rate of its own."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LinearDecay(nn.Module):
    """``dz_k/dt = -rate_k z_k``, solved by ``z_k(t) = exp(-rate_k t) z_k(0)``.

    Backwards in time every error grows by ``exp(rate_k t)``.
    """

    rates: Tensor

    def __init__(self, rates: tuple[float, ...]) -> None:
        """Make a field with these rates."""
        super().__init__()
        self.register_buffer("rates", torch.tensor(rates, dtype=torch.float64))

    def forward(self, t: Tensor, z: Tensor) -> Tensor:
        """Return the derivative of states ``[batch, dimensions]``; the time is not used."""
        del t
        return -self.rates * z
