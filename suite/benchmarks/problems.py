"""What solver benchmarks integrate: one with a known solution and gradient, and a small ODE-Net's field."""

from __future__ import annotations

import torch
from torch import Tensor, nn

DIMENSION = 16
SPAN = 4.0
"""Time that a solve covers, from zero."""
STEP_SIZE = 1 / 16
"""Step of the fixed-grid methods: 64 steps over the span."""


class LinearField(nn.Module):
    """``dy/dt = A y`` with a rotating, slowly decaying ``A``: so cheap that a solve is mostly the solver's own work."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        random = torch.randn(DIMENSION, DIMENSION, generator=generator)
        rotation = (random - random.T) / DIMENSION**0.5
        self.matrix = nn.Parameter(rotation - 0.1 * torch.eye(DIMENSION))

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        """Return the derivative, of the shape ``[batch, DIMENSION]`` of ``y``."""
        del t
        return y @ self.matrix.T


class TanhField(nn.Module):
    """Two linear layers with a tanh between: the field of a small ODE-Net."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.layers = nn.Sequential(nn.Linear(DIMENSION, width), nn.Tanh(), nn.Linear(width, DIMENSION))

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        """Return the derivative, of the shape ``[batch, DIMENSION]`` of ``y``."""
        del t
        derivative: Tensor = self.layers(y)
        return derivative


def initial_state(batch: int, device: str) -> Tensor:
    """Return standard normal states ``[batch, DIMENSION]``, the same on every device."""
    return torch.randn(batch, DIMENSION, generator=torch.Generator().manual_seed(1)).to(device)


def exact_final_state(field: LinearField, y0: Tensor, span: float) -> Tensor:
    """Return ``expm(A span) y0``; differentiable, which gives the exact gradient with respect to ``A``."""
    return y0 @ torch.matrix_exp(field.matrix * span).T
