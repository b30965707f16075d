"""A vector field that reads its parameters at every depth."""

from __future__ import annotations

from torch import Tensor, nn

from suite.models.parameter_paths.explicit_network import ExplicitNetwork
from suite.models.parameter_paths.parameter_path import ParameterPath


class PathField(nn.Module):
    """``f_theta(s)(z)``."""

    def __init__(self, network: ExplicitNetwork, path: ParameterPath) -> None:
        """Join a network and the path of its parameters."""
        super().__init__()
        self.network = network
        self.path = path

    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        """Return the derivative of ``z [n, d]`` at a depth."""
        return self.network(self.path(s), z)
