"""Two interleaved spiral arms with Gaussian noise around them, whose density is known."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from suite.datasets.two_circles_and_moons import NoisyCurves

_ARM_POINTS = 1024
"""Nodes of the quadrature over an arm. The first lie ``radius / 45`` apart, which must be small beside the noise."""


@dataclass(frozen=True)
class NoisySpirals(NoisyCurves):
    """Two arms of Archimedes' spiral, one the other turned by half a circle about the origin.

    The square of the distance from the origin is uniform along an arm, so that points lie almost evenly on it.

    Attributes:
        radius: Distance of the outer end of an arm from the origin.
        turns: Turns of an arm about the origin.
    """

    noise: float = 0.1
    radius: float = 2.0
    turns: float = 1.25

    def _curve(self, position: Tensor, second: Tensor) -> Tensor:
        share = position.sqrt()
        angle = 2 * math.pi * self.turns * share
        arm = self.radius * share[:, None] * torch.stack([angle.cos(), angle.sin()], dim=1)
        return torch.where(second[:, None], -1, 1) * arm

    def log_density(self, x: Tensor) -> Tensor:
        """Return the true log-density, by the midpoint rule over the two arms."""
        position = (torch.arange(_ARM_POINTS, dtype=torch.float64, device=x.device) + 0.5) / _ARM_POINTS
        arm = self._curve(position, torch.zeros(_ARM_POINTS, dtype=torch.bool, device=x.device))
        nodes = torch.cat([arm, -arm])
        variance = self.noise**2
        exponents = torch.cdist(x.double(), nodes).square() / (-2 * variance)
        return exponents.logsumexp(dim=1) - math.log(len(nodes) * 2 * math.pi * variance)
