"""Two classes of points in the plane that no line tells apart: two moons and two spirals, with Gaussian noise.

Massaroli et al. 2020 classify them in Figure 1. The noise of their library's generators is uniform and one-sided, and
moves both coordinates of a moon's point alike; here every coordinate has its own Gaussian noise, which shifts nothing.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

RELEASED_SPIRAL_ANGLE = math.radians(780)
"""Largest angle of the spirals of the released generator, in radians; their radius there is the same number."""


@dataclass(frozen=True)
class PlanarClasses(ABC):
    """A distribution of labelled points in the plane, both classes equally likely.

    Attributes:
        noise: Standard deviation of the noise on each coordinate, in the unit of the curves before ``scale``.
        scale: What all coordinates are multiplied with in the end.
    """

    noise: float
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.noise < 0 or self.scale <= 0:
            raise ValueError(f"noise is not negative and scale positive, not {self.noise} and {self.scale}")

    def sample(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw independent points, as many of one class as of the other, in random order.

        Args:
            count: Number of points, even.
            generator: Where randomness comes from; the tensors are on its device.

        Returns:
            Points of shape ``[count, 2]`` in single precision, and their classes 0 and 1, shape ``[count]``.

        Raises:
            ValueError: When the count is odd.
        """
        if count % 2:
            raise ValueError(f"half of the points are of either class, so their number is even, not {count}")
        device = generator.device
        labels = torch.arange(2, device=device).repeat(count // 2)[torch.randperm(count, generator=generator)]
        position = torch.rand(count, generator=generator, device=device)
        noise = torch.randn(count, 2, generator=generator, device=device)
        return self.scale * (self._curve(position, labels) + self.noise * noise), labels

    @abstractmethod
    def _curve(self, position: Tensor, labels: Tensor) -> Tensor:
        """Return points ``[n, 2]`` on the curves of their classes, at positions in [0, 1) that are uniform."""


@dataclass(frozen=True)
class TwoMoons(PlanarClasses):
    """Two interleaved half circles of radius 1, uniform in the angle, about the same centres as scikit-learn's."""

    noise: float = 0.1

    def _curve(self, position: Tensor, labels: Tensor) -> Tensor:
        angle = math.pi * position
        upper = torch.stack([angle.cos(), angle.sin()], dim=1)
        lower = torch.stack([1 - angle.cos(), 0.5 - angle.sin()], dim=1)
        return torch.where(labels[:, None] == 0, upper, lower)


@dataclass(frozen=True)
class TwoSpirals(PlanarClasses):
    """Two arms of Archimedes' spiral, one the other turned by half a circle about the origin.

    An arm is ``r(-cos r, sin r)`` for ``r`` up to ``angle``. The square of ``r`` is uniform, so that points lie almost
    evenly along the arm. Neighbouring turns of the two arms are pi apart.

    Attributes:
        angle: Largest angle in radians.
    """

    noise: float = 0.4
    angle: float = RELEASED_SPIRAL_ANGLE

    def _curve(self, position: Tensor, labels: Tensor) -> Tensor:
        radius = self.angle * position.sqrt()
        arm = torch.stack([-radius * radius.cos(), radius * radius.sin()], dim=1)
        return torch.where(labels[:, None] == 0, arm, -arm)
