"""Fields with a known flow, as every library can evaluate them."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from reference.libraries.neutral_field import NeutralField


class ForcedRotation(NeutralField):
    """``dy/dt = y A + cos t``: linear, with parameters, and it depends on time."""

    def __init__(self) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.tensor([[-0.2, 1.0], [-1.0, -0.1]], dtype=torch.float64))

    def formula(self, xp: Any, t: Any, y: Any, *numbers: Any) -> Any:
        return xp.matmul(y, numbers[0]) + xp.cos(t)
