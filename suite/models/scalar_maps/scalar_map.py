"""What a map by a solve gives."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class ScalarMap(nn.Module, ABC):
    """A map of numbers ``[n, 1]`` that a differential equation takes from their value to the map's.

    Attributes:
        nfe: Evaluations of the field in the last solve.
    """

    nfe = 0

    def forward(self, x: Tensor) -> Tensor:
        """Return the map's values, shape ``[n, 1]``."""
        return self.path(x, (0.0, 1.0))[-1]

    @abstractmethod
    def path(self, x: Tensor, fractions: tuple[float, ...]) -> Tensor:
        """Return the values on the way, at increasing fractions of the depth from 0: shape ``[fractions, n, 1]``."""
