"""A network whose parameters are an argument."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class ExplicitNetwork:
    """``f_theta(z) = B tanh(A z + b)`` with ``theta = [A, b, B]`` in one vector.

    Attributes:
        dimensions: Size ``d`` of the state.
        hidden: Hidden units.
    """

    dimensions: int
    hidden: int

    @property
    def size(self) -> int:
        """Number of parameters."""
        return self.hidden * (2 * self.dimensions + 1)

    def __call__(self, theta: Tensor, z: Tensor) -> Tensor:
        """Return the derivative of ``z [n, d]`` under the parameters ``[size]``."""
        inner, bias, outer = theta.split([self.hidden * self.dimensions, self.hidden, self.dimensions * self.hidden])
        hidden = torch.tanh(z @ inner.view(self.dimensions, self.hidden) + bias)
        derivative: Tensor = hidden @ outer.view(self.hidden, self.dimensions)
        return derivative
