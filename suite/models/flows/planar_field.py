"""The planar vector field of a continuous normalizing flow, gated in time."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from suite.models.flows.flow_field import FlowField

Reduction = Literal["sum", "mean"]
"""How the units add up. The paper sums; the code that its authors showed later takes the mean."""
Gate = Literal["unit", "coordinate"]
"""One gate per unit, as the paper has it, or one per coordinate of each unit, as in that code."""


class PlanarField(FlowField):
    """``f(t, z) = sum_n sigma_n(t) u_n(t) tanh(w_n(t).z + b_n(t))`` (Chen et al. 2018, section 4).

    A hypernetwork ``t -> tanh -> tanh -> linear`` gives the parameters of all units at a time; the gates are
    ``sigma_n = sigmoid(g_n(t))``. The divergence is ``sum_n sigma_n u_n.w_n (1 - tanh^2)``. Both cost ``O(n M d)``
    operations for ``n`` points and ``M`` units.
    """

    def __init__(
        self,
        width: int,
        dimensions: int = 2,
        hidden: int = 32,
        *,
        reduction: Reduction = "sum",
        gate: Gate = "unit",
    ) -> None:
        """Make a field.

        Args:
            width: Number of units M.
            dimensions: Dimensions d of the state.
            hidden: Units in each of the two hidden layers of the hypernetwork.
            reduction: Whether units are summed or averaged.
            gate: Whether a unit has one gate or one for each coordinate of ``u_n``.

        Raises:
            ValueError: When a size is not positive or a choice is unknown.
        """
        super().__init__()
        if min(width, dimensions, hidden) < 1:
            raise ValueError(f"width, dimensions and hidden are positive, not {width}, {dimensions} and {hidden}")
        if reduction not in get_args(Reduction):
            raise ValueError(f"unknown reduction {reduction!r}; there are {', '.join(get_args(Reduction))}")
        if gate not in get_args(Gate):
            raise ValueError(f"unknown gate {gate!r}; there are {', '.join(get_args(Gate))}")
        self.width = width
        self.dimensions = dimensions
        self.reduction = reduction
        vector = width * dimensions
        self._sizes = (vector, vector, width if gate == "unit" else vector, width)
        self.hypernetwork = nn.Sequential(
            nn.Linear(1, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh(), nn.Linear(hidden, sum(self._sizes))
        )

    def units(self, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return directions ``w [M, d]``, gated ``sigma u [M, d]`` and offsets ``b [M]`` of all units at a time."""
        weight = next(self.hypernetwork.parameters())
        time = t.reshape(1).to(device=weight.device, dtype=weight.dtype)
        w, u, gate, b = self.hypernetwork(time).split(self._sizes)
        u = u.view(self.width, self.dimensions) * torch.sigmoid(gate).view(self.width, -1)
        if self.reduction == "mean":
            u = u / self.width
        return w.view(self.width, self.dimensions), u, b

    def forward(self, t: Tensor, z: Tensor) -> Tensor:
        """Return ``f(t, z)``, shape ``[n, d]``, at a time of no dimensions and points of shape ``[n, d]``."""
        w, u, b = self.units(t)
        return torch.tanh(torch.addmm(b, z, w.t())) @ u

    def velocity_and_divergence(self, t: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``f(t, z)``, shape ``[n, d]``, and its divergence, shape ``[n]``."""
        w, u, b = self.units(t)
        activation = torch.tanh(torch.addmm(b, z, w.t()))
        alignment = (w * u).sum(dim=1)
        return activation @ u, alignment.sum() - activation.square() @ alignment
