"""A vector field without structure, whose divergence only automatic differentiation gives."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from suite.models.exact_divergence.trace import jacobian_trace
from suite.models.flows import FlowField


class PerceptronField(FlowField):
    """A network of ``z`` and ``t`` with two hidden layers of tanh; its divergence is the trace of its Jacobian."""

    def __init__(self, dimensions: int, hidden: int) -> None:
        """Make a field on ``dimensions`` with ``hidden`` units in each hidden layer."""
        super().__init__()
        self.network = nn.Sequential(
            nn.Linear(dimensions + 1, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh(),
            nn.Linear(hidden, dimensions),
        )  # fmt: skip

    def velocity_and_divergence(self, t: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``f(t, z)``, shape ``[n, d]``, and its divergence, shape ``[n]``."""

        def velocity(point: Tensor) -> Tensor:
            time = t.to(point).expand(len(point), 1)
            value: Tensor = self.network(torch.cat([point, time], dim=1))
            return value

        return jacobian_trace(velocity, z)
