"""A planar vector field that does not depend on time, with as many parameters as a planar flow of its size."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from suite.models.flows import FlowField


class SteadyPlanarField(FlowField):
    """``f(z) = sum_n u_n tanh(w_n.z + b_n)``, the sum of Chen et al. 2018, section 4, with parameters constant in time.

    Without a hypernetwork a unit has ``2 d + 1`` parameters, as a layer of a planar normalizing flow has. A gate would
    only rescale ``u_n``. The divergence is ``sum_n u_n.w_n (1 - tanh^2)``.
    """

    def __init__(self, width: int, dimensions: int = 2) -> None:
        """Make a field of random directions, near rest.

        Raises:
            ValueError: When a size is not positive.
        """
        super().__init__()
        if min(width, dimensions) < 1:
            raise ValueError(f"width and dimensions are positive, not {width} and {dimensions}")
        self.w = nn.Parameter(torch.randn(width, dimensions))
        self.u = nn.Parameter(0.1 * torch.randn(width, dimensions) / math.sqrt(width * dimensions))
        self.b = nn.Parameter(torch.randn(width))

    def units(self, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return directions ``w [M, d]``, ``u [M, d]`` and offsets ``b [M]``, the same at every time."""
        del t
        return self.w, self.u, self.b

    def velocity_and_divergence(self, t: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``f(z)``, shape ``[n, d]``, and its divergence, shape ``[n]``."""
        w, u, b = self.units(t)
        activation = torch.tanh(torch.addmm(b, z, w.t()))
        alignment = (w * u).sum(dim=1)
        return activation @ u, alignment.sum() - activation.square() @ alignment
