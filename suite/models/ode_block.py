"""A block of continuous depth: the state at time 1 of an ODE that starts at the block's input."""

from __future__ import annotations

from typing import Unpack, cast

import torch
from torch import Tensor, nn

from suite.models.autocast_field import AutocastField
from suite.models.solved_field import SolvedField, SolverOptions


class ODEBlock(SolvedField):
    """``y(0) -> y(1)`` with ``dy/dt = field(t, y)`` (Chen et al. 2018, equations 2 and 3)."""

    def __init__(self, field: nn.Module, **solver: Unpack[SolverOptions]) -> None:
        """Wrap a vector field, as a :class:`SolvedField` does."""
        super().__init__(field, **solver)
        # On the host whatever the state's device is: the solver reads times there, and must not wait for a device.
        self.times = torch.tensor([0.0, 1.0])
        self._in_autocast: dict[tuple[str, torch.dtype], AutocastField] = {}

    def forward(self, y0: Tensor) -> Tensor:
        """Map the state at time 0 to the state at time 1, of the same shape.

        Under autocast the field is lowered and nothing else: the state is float32, in the solver and as the result.
        """
        device = y0.device.type
        if not torch.is_autocast_enabled(device):
            return cast(Tensor, self.solved(y0, self.times))[-1]
        dtype = torch.get_autocast_dtype(device)
        # Made once, as whoever keeps something for a field, such as a graph of its step, knows the field by identity.
        if (device, dtype) not in self._in_autocast:
            self._in_autocast[device, dtype] = AutocastField(self.counted, device, dtype)
        with torch.autocast(device, enabled=False):
            return cast(Tensor, self.solved(y0.float(), self.times, self._in_autocast[device, dtype]))[-1]
