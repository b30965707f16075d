"""The base density of a flow: an isotropic Gaussian centred at the origin."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def gaussian_log_density(z: Tensor, variance: float = 1.0) -> Tensor:
    """Return ``log N(z; 0, variance I)`` in nats, shape ``[n]``, of points ``z`` of shape ``[n, d]``."""
    normaliser = 0.5 * z.shape[1] * math.log(2 * math.pi * variance)
    return -z.square().sum(dim=1) / (2 * variance) - normaliser


def gaussian_samples(
    count: int, dimensions: int = 2, variance: float = 1.0, *, generator: torch.Generator, dtype: torch.dtype
) -> Tensor:
    """Draw samples of ``N(0, variance I)``, shape ``[count, dimensions]``, where the generator lives."""
    noise = torch.randn(count, dimensions, generator=generator, dtype=dtype, device=generator.device)
    return noise * math.sqrt(variance)
