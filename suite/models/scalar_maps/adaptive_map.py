"""A map by a field that every number follows to a depth of its own."""

from __future__ import annotations

from torch import Tensor, nn

from suite.models.adaptive_depth import AdaptiveDepthBlock, Sign
from suite.models.scalar_maps.scalar_map import ScalarMap


class AdaptiveMap(ScalarMap):
    """``z(S(x))`` with ``dz/ds = field(s, z)`` and ``z(0) = x`` (Massaroli et al. 2020, section 5.2).

    Attributes:
        block: The solve with the network of the depth.
    """

    def __init__(self, field: nn.Module, depth_network: nn.Module, sign: Sign, tolerance: float) -> None:
        """Join a field called as ``field(s, z)`` and the network of its depth; the tolerance is that of dopri5."""
        super().__init__()
        self.block = AdaptiveDepthBlock(
            field, depth_network, sign=sign, rtol=tolerance, atol=tolerance, gradient="direct"
        )

    def path(self, x: Tensor, fractions: tuple[float, ...]) -> Tensor:
        """Return the values on the way, at fractions of each number's depth; see :class:`ScalarMap`."""
        self.block.block.reset_counts()
        _, states = self.block.trajectory(x, fractions)
        self.nfe = self.block.block.nfe_forward
        return states
