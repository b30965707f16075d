"""A layer that reads the depth."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class DepthLayer(nn.Module, ABC):
    """A layer called with the depth and a state, where an ordinary one is called with the state alone."""

    @abstractmethod
    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        """Apply the layer at a depth.

        Args:
            s: Depth: one number for all samples, shape ``[]``, or one for each, shape ``[n]``.
            z: States, shape ``[n, ...]``.
        """
