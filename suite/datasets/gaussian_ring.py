"""A two-dimensional density that is known exactly: equal Gaussians on a ring."""

from __future__ import annotations

import math

import torch
from torch import Tensor

COMPONENTS = 6
RADIUS = 2.0
DEVIATION = 0.4


def gaussian_ring(count: int, generator: torch.Generator) -> Tensor:
    """Return samples, float64 of shape ``[count, 2]``, drawn on the CPU."""
    component = torch.randint(COMPONENTS, (count,), generator=generator)
    noise = torch.randn(count, 2, generator=generator, dtype=torch.float64)
    return _centres()[component] + DEVIATION * noise


def gaussian_ring_log_density(points: Tensor) -> Tensor:
    """Return the log-density of points ``[n, 2]`` in nats, shape ``[n]``."""
    squares = (points[:, None] - _centres().to(points)).square().sum(dim=2)
    logs = -0.5 * squares / DEVIATION**2 - math.log(2 * math.pi * DEVIATION**2 * COMPONENTS)
    return torch.logsumexp(logs, dim=1)


def _centres() -> Tensor:
    angles = torch.arange(COMPONENTS, dtype=torch.float64) * (2 * math.pi / COMPONENTS)
    return RADIUS * torch.stack([angles.cos(), angles.sin()], dim=1)
