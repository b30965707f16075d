"""A map by a data-controlled field."""

from __future__ import annotations

from torch import Tensor, nn

from suite.models.data_control import DataControlledBlock
from suite.models.scalar_maps.scalar_map import ScalarMap


class ControlledMap(ScalarMap):
    """``z(s)`` with ``dz/ds = field(s, z, x)`` and ``z(0) = x`` (Massaroli et al. 2020, section 5.1)."""

    def __init__(self, field: nn.Module, tolerance: float) -> None:
        """Wrap a field called as ``field(s, z, x)``; the tolerance is relative and absolute, of dopri5."""
        super().__init__()
        self.block = DataControlledBlock(field, rtol=tolerance, atol=tolerance, gradient="direct")

    def path(self, x: Tensor, fractions: tuple[float, ...]) -> Tensor:
        """Return the values on the way; see :class:`ScalarMap`."""
        self.block.reset_counts()
        states = self.block.trajectory(x, x, fractions)
        self.nfe = self.block.nfe_forward
        return states
