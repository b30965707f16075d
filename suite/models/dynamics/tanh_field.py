"""A mild field: planar tanh units that do not depend on time."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class TanhField(nn.Module):
    """``f(z) = sum_n u_n tanh(w_n.z + b_n)``, the field of Chen et al. 2018, section 4, with fixed random units.

    It is smooth, and its Lipschitz constant is at most the norm of ``W`` times that of ``U``.
    """

    w: Tensor
    u: Tensor
    b: Tensor

    def __init__(self, width: int, dimensions: int, generator: torch.Generator) -> None:
        """Draw ``width`` units on ``dimensions`` dimensions: standard normal, ``u_n`` over the root of the width."""
        super().__init__()

        def normal(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator, dtype=torch.float64)

        self.register_buffer("w", normal(width, dimensions))
        self.register_buffer("u", normal(width, dimensions) / width**0.5)
        self.register_buffer("b", normal(width))

    def forward(self, t: Tensor, z: Tensor) -> Tensor:
        """Return the derivative of states ``[batch, dimensions]``; the time is not used."""
        del t
        return torch.tanh(z @ self.w.t() + self.b) @ self.u
