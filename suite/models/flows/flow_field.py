"""What a continuous flow integrates: a vector field that knows its divergence."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class FlowField(nn.Module, ABC):
    """``dz/dt = f(t, z)`` together with ``div f``, the trace of ``df/dz`` (Chen et al. 2018, theorem 1)."""

    @abstractmethod
    def velocity_and_divergence(self, t: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``f(t, z)``, shape ``[n, d]``, and its divergence, shape ``[n]``, at ``z`` of shape ``[n, d]``."""

    def forward(self, t: Tensor, z: Tensor) -> Tensor:
        """Return ``f(t, z)``, shape ``[n, d]``."""
        return self.velocity_and_divergence(t, z)[0]
