"""The vector field of the latent state: a perceptron that does not depend on time."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LatentField(nn.Module):
    """``dz/dt = W2 tanh(W1 z + b1) + b2`` with one hidden layer, time-invariant (Chen et al. 2018, section 5.1).

    The paper names no activation. tanh is smooth, so that a method of high order keeps its order at 1.5e-8.
    """

    def __init__(self, latent: int, *, hidden: int = 20) -> None:
        """Make the field for states of dimension ``latent``, with ``hidden`` units."""
        super().__init__()
        self.into = nn.Linear(latent, hidden)
        self.out = nn.Linear(hidden, latent)

    def forward(self, t: Tensor | float, z: Tensor) -> Tensor:
        """Return the derivative at the states ``z``, shape ``[..., latent]``; the time has no influence."""
        del t
        derivative: Tensor = self.out(torch.tanh(self.into(z)))
        return derivative
