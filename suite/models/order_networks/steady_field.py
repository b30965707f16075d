"""A vector field of one hidden layer that does not read the depth."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SteadyField(nn.Module):
    """``f(z) = W_2 tanh(W_1 z + b_1) + b_2``, from states of one size to derivatives of another.

    It has ``(inputs + 1) hidden + (hidden + 1) outputs`` parameters. The two sizes differ for the highest derivative of
    a state of higher order.
    """

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.inner = nn.Linear(inputs, hidden)
        self.outer = nn.Linear(hidden, outputs)

    def forward(self, t: Tensor, z: Tensor) -> Tensor:
        """Return the derivatives ``[n, outputs]`` at states ``[n, inputs]``."""
        del t
        derivative: Tensor = self.outer(torch.tanh(self.inner(z)))
        return derivative
