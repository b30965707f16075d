"""A map by the flow of a field, of the number alone or of more dimensions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from suite.models.depth_varying import StackedField
from suite.models.scalar_maps.scalar_map import ScalarMap
from suite.solvers import solve


class FlowMap(ScalarMap):
    """``h_y(z(s))`` with ``dz/ds = field(s, z)`` and ``z(0) = h_x(x)``.

    Attributes:
        field: The vector field.
        tolerance: Relative and absolute, of dopri5; may be changed between calls.
    """

    def __init__(
        self, field: nn.Module, tolerance: float, into: nn.Module | None = None, out: nn.Module | None = None
    ) -> None:
        """Join a field called as ``field(s, z)``, the map ``h_x`` into its state and ``h_y`` out of it.

        Without these, the state is the number itself.
        """
        super().__init__()
        self.field = field
        self.tolerance = tolerance
        self.into = nn.Identity() if into is None else into
        self.out = nn.Identity() if out is None else out

    def path(self, x: Tensor, fractions: tuple[float, ...]) -> Tensor:
        """Return the values on the way; see :class:`ScalarMap`."""
        t = torch.tensor(fractions, dtype=x.dtype)
        options = self.field.adaptive_options(t) if isinstance(self.field, StackedField) else None
        found = solve(self.field, self.into(x), t, rtol=self.tolerance, atol=self.tolerance, options=options)
        self.nfe = found.statistics.nfe
        values: Tensor = self.out(torch.as_tensor(found.states))
        return values
