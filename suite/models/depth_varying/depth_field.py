"""A vector field made of layers, some of which read the depth."""

from __future__ import annotations

from torch import Tensor, nn

from suite.models.depth_varying.depth_layer import DepthLayer


class DepthField(DepthLayer):
    """``f(s, z)``: layers one after the other, the depth given to those that take it and the state alone to the others.

    ``DepthField(DepthConcatenation(), nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 2))`` is a field for the solvers.
    """

    def __init__(self, *layers: nn.Module) -> None:
        """Join layers: instances of :class:`DepthLayer` are called as ``layer(s, z)``, others as ``layer(z)``."""
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        """Return the field at a depth; see :class:`DepthLayer`."""
        for layer in self.layers:
            z = layer(s, z) if isinstance(layer, DepthLayer) else layer(z)
        return z
