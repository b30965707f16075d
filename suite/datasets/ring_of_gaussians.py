"""Equal Gaussians evenly spaced on a circle, as many as one likes: a density with modes that is known exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class RingOfGaussians:
    """A mixture of isotropic Gaussians of equal weight with centres on a circle about the origin.

    Attributes:
        modes: Number of Gaussians.
        radius: Of the circle.
        deviation: Standard deviation of each coordinate of a Gaussian.
    """

    modes: int = 8
    radius: float = 2.0
    deviation: float = 0.25

    def __post_init__(self) -> None:
        if self.modes < 1 or self.radius <= 0 or self.deviation <= 0:
            raise ValueError(f"modes, radius and deviation are positive, unlike {self}")

    def sample(self, count: int, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> Tensor:
        """Draw independent points, shape ``[count, 2]``, on the generator's device."""
        device = generator.device
        mode = torch.randint(self.modes, (count,), generator=generator, device=device)
        noise = torch.randn(count, 2, generator=generator, device=device, dtype=dtype)
        return self.centres(device)[mode].to(dtype) + self.deviation * noise

    def log_density(self, x: Tensor) -> Tensor:
        """Return the true log-density in nats at ``x [n, 2]``, shape ``[n]``, in double precision."""
        squares = torch.cdist(x.double(), self.centres(x.device)).square()
        variance = self.deviation**2
        return (squares / (-2 * variance)).logsumexp(dim=1) - math.log(self.modes * 2 * math.pi * variance)

    def centres(self, device: torch.device) -> Tensor:
        """Return the means of the Gaussians, shape ``[modes, 2]``, in double precision."""
        angle = 2 * math.pi / self.modes * torch.arange(self.modes, dtype=torch.float64, device=device)
        return self.radius * torch.stack([angle.cos(), angle.sin()], dim=1)
