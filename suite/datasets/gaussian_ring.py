"""The ring of six Gaussians that flows are fitted to at different tolerances, and its log-density."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from suite.datasets.ring_of_gaussians import RingOfGaussians

RING = RingOfGaussians(modes=6, radius=2.0, deviation=0.4)


def ring_log_density(points: Tensor) -> Tensor:
    """Return the log-density of points ``[n, 2]`` in nats, shape ``[n]``.

    From differences of coordinates, where :meth:`RingOfGaussians.log_density` multiplies squares out: they differ in
    the last digits, and each experiment keeps those of its records.
    """
    squares = (points[:, None] - RING.centres(points.device).to(points)).square().sum(dim=2)
    logs = -0.5 * squares / RING.deviation**2 - math.log(2 * math.pi * RING.deviation**2 * RING.modes)
    return torch.logsumexp(logs, dim=1)
