"""Two circles and two moons: planar curves with Gaussian noise around them, whose density is known."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

_ARC_POINTS = 512
"""Nodes of the quadrature over an arc. Their spacing, pi/512, must be small beside the noise."""


@dataclass(frozen=True)
class NoisyCurves(ABC):
    """Points drawn evenly along one of two curves, each with probability one half, plus isotropic Gaussian noise.

    Attributes:
        noise: Standard deviation of each coordinate of the noise.
    """

    noise: float

    def __post_init__(self) -> None:
        if self.noise <= 0:
            raise ValueError(f"the noise is positive, not {self.noise}")

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw independent points, shape ``[count, 2]``, single precision, on the generator's device."""
        device = generator.device
        angle = torch.rand(count, generator=generator, device=device)
        second = torch.rand(count, generator=generator, device=device) < 0.5
        noise = torch.randn(count, 2, generator=generator, device=device)
        return self._curve(angle, second) + self.noise * noise

    @abstractmethod
    def log_density(self, x: Tensor) -> Tensor:
        """Return the true log-density in nats at ``x [n, 2]``, shape ``[n]``, in double precision."""

    @abstractmethod
    def _curve(self, position: Tensor, second: Tensor) -> Tensor:
        """Return points ``[n, 2]`` at positions in [0, 1) along the first curve, or the second where it says so."""


@dataclass(frozen=True)
class TwoCircles(NoisyCurves):
    """Two concentric circles.

    Attributes:
        radius: Radius of the outer one.
        factor: Radius of the inner one as a part of the outer one's.
    """

    noise: float = 0.096
    radius: float = 1.6
    factor: float = 0.5

    def _curve(self, position: Tensor, second: Tensor) -> Tensor:
        angle = 2 * math.pi * position
        radius = torch.where(second, self.factor * self.radius, self.radius)
        return radius[:, None] * torch.stack([angle.cos(), angle.sin()], dim=1)

    def log_density(self, x: Tensor) -> Tensor:
        """Return the true log-density: a ring's is a Gaussian in the distance times a Bessel function."""
        r, variance = x.double().norm(dim=1), self.noise**2
        rings = []
        for radius in (self.radius, self.factor * self.radius):
            bessel = torch.special.i0e(r * radius / variance).log()
            rings.append(bessel - (r - radius).square() / (2 * variance))
        return torch.logaddexp(*rings) - math.log(2 * 2 * math.pi * variance)


@dataclass(frozen=True)
class TwoMoons(NoisyCurves):
    """Two interleaved half circles of radius 1, centred together at the origin."""

    noise: float = 0.07

    def _curve(self, position: Tensor, second: Tensor) -> Tensor:
        angle = math.pi * position
        x, y = angle.cos() - 0.5, angle.sin() - 0.25
        # The lower moon is the upper one turned by half a circle about the origin.
        return torch.where(second[:, None], -1, 1) * torch.stack([x, y], dim=1)

    def log_density(self, x: Tensor) -> Tensor:
        """Return the true log-density, by the midpoint rule over the two half circles."""
        position = (torch.arange(_ARC_POINTS, dtype=torch.float64, device=x.device) + 0.5) / _ARC_POINTS
        first = torch.zeros(_ARC_POINTS, dtype=torch.bool, device=x.device)
        nodes = torch.cat([self._curve(position, first), self._curve(position, ~first)])
        variance = self.noise**2
        exponents = torch.cdist(x.double(), nodes).square() / (-2 * variance)
        return exponents.logsumexp(dim=1) - math.log(len(nodes) * 2 * math.pi * variance)
