"""Concentric annuli (Massaroli et al. 2020): points around two circles, told apart by their radius."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Annuli:
    """Two concentric circles with isotropic Gaussian noise, as in the annuli notebook released with the paper.

    Attributes:
        inner_radius: Of the circle whose points have label 1, before scaling.
        outer_radius: Of the circle whose points have label 0, before scaling.
        noise: Standard deviation of each coordinate of the noise, before scaling.
        scale: Factor on all points.
    """

    inner_radius: float = 0.5
    outer_radius: float = 1.0
    noise: float = 0.05
    scale: float = 2.0

    def __post_init__(self) -> None:
        if not 0 < self.inner_radius < self.outer_radius:
            raise ValueError(f"radii are positive and rise, unlike {self.inner_radius} and {self.outer_radius}")
        if self.noise < 0 or self.scale <= 0:
            raise ValueError(f"noise is not negative and a scale positive, unlike {self.noise} and {self.scale}")

    @property
    def inner(self) -> float:
        """Radius of the inner circle as the models see it."""
        return self.scale * self.inner_radius

    @property
    def outer(self) -> float:
        """Radius of the outer circle as the models see it."""
        return self.scale * self.outer_radius

    def sample(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw independent points, the first half around the inner circle and the others around the outer one.

        Returns:
            Points ``[count, 2]`` and their labels 1 and 0, ``[count]``, in single precision on the generator's device.
        """
        device = generator.device
        angle = 2 * math.pi * torch.rand(count, generator=generator, device=device)
        noise = torch.randn(count, 2, generator=generator, device=device)
        is_inner = torch.arange(count, device=device) < count // 2
        radius = torch.where(is_inner, self.inner_radius, self.outer_radius)
        circle = radius[:, None] * torch.stack([angle.cos(), angle.sin()], dim=1)
        return self.scale * (circle + self.noise * noise), is_inner.to(circle.dtype)


def circle(radius: float, count: int) -> Tensor:
    """Return points evenly spaced on a circle about the origin, ``[count, 2]``, in double precision."""
    return radius * at_angles(2 * math.pi / count * torch.arange(count, dtype=torch.float64))


def at_angles(angles: Tensor) -> Tensor:
    """Return the points of the unit circle at angles ``[n]`` in radians, ``[n, 2]``."""
    return torch.stack([angles.cos(), angles.sin()], dim=1)
