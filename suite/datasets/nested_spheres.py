"""Nested spheres: points around two concentric spheres of any dimension, told apart by their distance from the centre.

No flow of the plane or of space carries one sphere out of the other, so that a Neural ODE needs augmentation for them
(Dupont et al. 2019). The authors of Massaroli et al. 2020 use them in three dimensions in a tutorial.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class NestedSpheres:
    """Uniform points on two concentric spheres, plus isotropic Gaussian noise; both classes are equally likely.

    Attributes:
        dimensions: Of the space.
        inner_radius: Of the sphere of class 0.
        outer_radius: Of the sphere of class 1.
        noise: Standard deviation of each coordinate of the noise.
    """

    dimensions: int = 3
    inner_radius: float = 0.5
    outer_radius: float = 1.0
    noise: float = 1e-4

    def __post_init__(self) -> None:
        if self.dimensions < 1 or not 0 < self.inner_radius < self.outer_radius or self.noise < 0:
            raise ValueError(f"dimensions and radii are positive, radii rise and noise is not negative, unlike {self}")

    def sample(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw independent points, as many of one class as of the other, in random order.

        Args:
            count: Number of points, even.
            generator: Where randomness comes from; the tensors are on its device.

        Returns:
            Points of shape ``[count, dimensions]`` in single precision, and classes 0 and 1, shape ``[count]``.

        Raises:
            ValueError: When the count is odd.
        """
        if count % 2:
            raise ValueError(f"half of the points are of either class, so their number is even, not {count}")
        device = generator.device
        labels = torch.arange(2, device=device).repeat(count // 2)[torch.randperm(count, generator=generator)]
        direction, noise = torch.randn(2, count, self.dimensions, generator=generator, device=device)
        radius = torch.where(labels == 0, self.inner_radius, self.outer_radius)
        return radius[:, None] * direction / direction.norm(dim=1, keepdim=True) + self.noise * noise, labels
