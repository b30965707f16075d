"""Four densities of the plane that flows are fitted to: rings, pinwheel, checkerboard, and Gaussians on a circle.

The first three are those of Grathwohl et al. 2019 (FFJORD). Each is scaled to unit variance in each coordinate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

RADII = (0.75, 1.5, 2.25, 3.0)
RING_NOISE = 0.08
ARMS, RADIAL_DEVIATION, TANGENTIAL_DEVIATION, TWIST = 5, 0.3, 0.1, 0.25
SQUARES = 4
MODES, MODE_RADIUS, MODE_DEVIATION = 5, 4.0, 0.5


def rings(count: int, generator: torch.Generator) -> Tensor:
    """Draw points ``[count, 2]`` from four concentric rings, equally many from each."""
    radius = torch.tensor(RADII, dtype=torch.float64)[torch.randint(len(RADII), (count,), generator=generator)]
    angle = 2 * math.pi * torch.rand(count, generator=generator, dtype=torch.float64)
    noise = RING_NOISE * torch.randn(count, 2, generator=generator, dtype=torch.float64)
    points = radius[:, None] * torch.stack([angle.cos(), angle.sin()], dim=1) + noise
    return points / math.sqrt(sum(each**2 for each in RADII) / len(RADII) / 2 + RING_NOISE**2)


def pinwheel(count: int, generator: torch.Generator) -> Tensor:
    """Draw points ``[count, 2]`` from five arms, which turn the further the longer they are."""
    arm = torch.randint(ARMS, (count,), generator=generator)
    deviation = torch.tensor([RADIAL_DEVIATION, TANGENTIAL_DEVIATION], dtype=torch.float64)
    along = deviation * torch.randn(count, 2, generator=generator, dtype=torch.float64)
    along[:, 0] += 1
    angle = 2 * math.pi * arm / ARMS + TWIST * along[:, 0].exp()
    first, second = along.unbind(dim=1)
    cosine, sine = angle.cos(), angle.sin()
    points = torch.stack([first * cosine - second * sine, first * sine + second * cosine], dim=1)
    # A turn by the arm's angle leaves half of the mean squared length to each coordinate.
    return points / math.sqrt((1 + RADIAL_DEVIATION**2 + TANGENTIAL_DEVIATION**2) / 2)


def checkerboard(count: int, generator: torch.Generator) -> Tensor:
    """Draw points ``[count, 2]`` from the black squares of a board of four by four."""
    corner = torch.randint(SQUARES, (count, 2), generator=generator)
    # Black are the squares whose row and column are both even or both odd.
    corner[:, 1] = (corner[:, 1] // 2) * 2 + corner[:, 0] % 2
    points = corner + torch.rand(count, 2, generator=generator, dtype=torch.float64) - SQUARES / 2
    return points / math.sqrt(SQUARES**2 / 12)


def gaussians(count: int, generator: torch.Generator) -> Tensor:
    """Draw points ``[count, 2]`` from five Gaussians of deviation 0.5 on a circle of radius 4, then scaled."""
    angle = 2 * math.pi * torch.randint(MODES, (count,), generator=generator).double() / MODES
    noise = MODE_DEVIATION * torch.randn(count, 2, generator=generator, dtype=torch.float64)
    points = MODE_RADIUS * torch.stack([angle.cos(), angle.sin()], dim=1) + noise
    return points / math.sqrt(MODE_RADIUS**2 / 2 + MODE_DEVIATION**2)


TARGETS: Mapping[str, Callable[[int, torch.Generator], Tensor]] = {
    "rings": rings,
    "pinwheel": pinwheel,
    "checkerboard": checkerboard,
    "gaussians": gaussians,
}
"""Samplers by name: double precision, on the CPU."""
