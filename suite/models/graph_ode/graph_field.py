"""A graph-convolutional vector field."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GraphField(nn.Module):
    """``f(Z) = A tanh(A Z W_1 + b_1) W_2 + b_2``: two graph convolutions (Kipf and Welling 2017) of node states.

    ``A`` is the normalised adjacency matrix of one graph. Only the state may be larger than the nodes' features: the
    graph stays as it is, and so augmentation of a graph is augmentation of its nodes.
    """

    adjacency: Tensor

    def __init__(self, adjacency: Tensor, features: int, hidden: int) -> None:
        """Make a field.

        Args:
            adjacency: Normalised adjacency matrix, shape ``[nodes, nodes]``.
            features: Size of a node's state.
            hidden: Size between the two convolutions.
        """
        super().__init__()
        self.register_buffer("adjacency", adjacency)
        self.inner = nn.Linear(features, hidden)
        self.outer = nn.Linear(hidden, features)

    def forward(self, t: Tensor, z: Tensor) -> Tensor:
        """Return ``dZ/dt`` of node states ``[nodes, features]``."""
        del t
        hidden = torch.tanh(self.inner(self.adjacency @ z))
        derivative: Tensor = self.outer(self.adjacency @ hidden)
        return derivative

    def on(self, adjacency: Tensor) -> GraphField:
        """Return the same field, parameters shared, on another graph."""
        other = GraphField(adjacency, self.inner.in_features, self.inner.out_features)
        other.inner, other.outer = self.inner, self.outer
        return other
