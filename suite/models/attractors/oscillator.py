"""Van der Pol's oscillator with one damping for all samples."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn


class Oscillator(nn.Module):
    """``x'' = mu (1 - x^2) x' - x`` with ``mu = 1``, as a system of ``(x, x')``: a limit cycle attracts all but 0."""

    dimensions: ClassVar[int] = 2
    multiplications: ClassVar[int] = 2
    """Products of one evaluation, which no counter of matrix products sees."""

    def forward(self, t: Tensor, state: Tensor) -> Tensor:
        """Return the derivative of states ``[..., 2]``; the time is not used."""
        del t
        x, v = state.unbind(dim=-1)
        return torch.stack([v, (1.0 - x.square()) * v - x], dim=-1)
