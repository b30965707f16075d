"""Van der Pol's oscillator with a damping that each sample carries in its state."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class VanDerPol(nn.Module):
    """``x'' = mu (1 - x^2) x' - x`` as a first-order system of ``(x, x', mu)`` with ``mu' = 0``.

    As ``mu`` is part of the state, samples of one batch differ in how fast their fast phases are, about ``1 / mu``, and
    a batch may be any selection of samples.
    """

    def forward(self, t: Tensor, z: Tensor) -> Tensor:
        """Return the derivative of states ``[batch, 3]``; the time is not used."""
        del t
        x, v, mu = z.unbind(dim=1)
        return torch.stack([v, mu * (1 - x.square()) * v - x, torch.zeros_like(mu)], dim=1)
