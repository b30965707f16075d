"""A network straight from starts to ends: what distilling a flow gives without any solver."""

from __future__ import annotations

from torch import Tensor, nn


class DirectMap(nn.Module):
    """``z(1) = z(0) + network(z(0))``.

    Attributes:
        network: From states to something like them.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, z: Tensor) -> Tensor:
        """Return the ends of starts, both of shape ``[n, *state]``."""
        moved: Tensor = z + self.network(z)
        return moved


def perceptron_map(dimensions: int, width: int) -> DirectMap:
    """Return an untrained map of states ``[n, dimensions]`` with two hidden layers of ``width`` units."""
    return DirectMap(
        nn.Sequential(
            nn.Linear(dimensions, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, dimensions)
        )
    )
