"""Two-dimensional spirals, half of them clockwise, with noisy observations at equally spaced times."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

RELEASED_POINTS = 500
"""Points of a whole spiral of the released generator, of which a trajectory is a window."""
RELEASED_ANGLE = 6 * math.pi
"""Angle of a whole spiral of the released generator, in radians."""


@dataclass(frozen=True)
class Spirals:
    """Trajectories on one common grid of times, in float64.

    Attributes:
        truth: Positions without noise, shape ``[count, points, 2]``.
        noisy: The same with Gaussian noise.
        direction: 1 for counter-clockwise, -1 for clockwise, shape ``[count]``.
    """

    truth: Tensor
    noisy: Tensor
    direction: Tensor


def common_centre_spirals(count: int, points: int, generator: Generator, *, noise_std: float) -> Spirals:
    """Return inward spirals around the origin of which nothing but the direction tells the two halves apart.

    ``r(s) = r0 (1 - 0.7 s)``, ``angle(s) = phase +- 2 pi turns s`` with ``s`` from 0 to 1 along the trajectory, a
    radius ``r0`` of 0.7 to 1.3, 2 to 2.6 turns and any phase, all uniform. Each spiral has a twin that starts at the
    same place, shrinks and turns as fast, the other way round: no position tells the direction. Over the first half
    of the points a spiral makes 1 to 1.3 turns, as in the paper's figure 8. The spiral is Archimedes' and not the
    logarithmic one, which a linear field would make.

    Args:
        count: Number of spirals, even.
        points: Equally spaced points of each.
        generator: Where randomness comes from.
        noise_std: Standard deviation of the noise on every coordinate.

    Raises:
        ValueError: When the count is odd, so that half of it is not whole.
    """
    if count % 2:
        raise ValueError(f"half of the spirals run clockwise, so their number is even, not {count}")
    radius, turns, phase = torch.rand(3, count // 2, 1, generator=generator, dtype=torch.float64).repeat(1, 2, 1)
    direction = torch.ones(count, dtype=torch.float64)
    direction[count // 2 :] = -1
    along = torch.linspace(0, 1, points, dtype=torch.float64)
    angle = 2 * math.pi * (phase + direction.unsqueeze(1) * (2 + 0.6 * turns) * along)
    truth = _polar((0.7 + 0.6 * radius) * (1 - 0.7 * along), angle)
    return _shuffled(truth, direction, generator, noise_std)


def released_spirals(count: int, points: int, generator: Generator, *, noise_std: float) -> Spirals:
    """Return outward spirals with the parameters of the example that torchdiffeq ships; not the paper's own data.

    Counter-clockwise ``r = 0.3 theta`` around (5, 0), clockwise ``r = 15 / (6 pi + 1 - theta)`` around (-5, 0), theta
    from 0 to 6 pi in 500 points; each trajectory is a window of them that starts anywhere, and its direction is random.
    The centres tell the direction from a position.

    Args:
        count: Number of spirals.
        points: Length of the window, at most 500.
        generator: Where randomness comes from.
        noise_std: Standard deviation of the noise on every coordinate.

    Raises:
        ValueError: When the window is longer than the spiral.
    """
    if points > RELEASED_POINTS:
        raise ValueError(f"a window has at most {RELEASED_POINTS} points, not {points}")
    theta = torch.linspace(0, RELEASED_ANGLE, RELEASED_POINTS, dtype=torch.float64)
    centre = torch.tensor([5.0, 0.0], dtype=torch.float64)
    remaining = RELEASED_ANGLE + 1 - theta
    whole = torch.stack((_polar(15 / remaining, remaining) - centre, _polar(0.3 * theta, theta) + centre))
    counter_clockwise = torch.randint(2, (count,), generator=generator)
    start = torch.randint(RELEASED_POINTS - points + 1, (count, 1), generator=generator)
    truth = whole[counter_clockwise.unsqueeze(1), start + torch.arange(points)]
    return _shuffled(truth, 2.0 * counter_clockwise.double() - 1, generator, noise_std)


def subsample_times(count: int, points: int, kept: int, generator: Generator) -> Tensor:
    """Return, for every trajectory, ``kept`` of ``points`` indices without replacement, ascending: ``[count, kept]``.

    Raises:
        ValueError: When more are asked for than there are.
    """
    if not 1 <= kept <= points:
        raise ValueError(f"of {points} points one can keep 1 to {points}, not {kept}")
    order = torch.rand(count, points, generator=generator).argsort(dim=1)
    return order[:, :kept].sort(dim=1).values


GENERATORS: Mapping[str, Callable[..., Spirals]] = {
    "common-centre": common_centre_spirals,
    "released": released_spirals,
}
"""Both generators by name: ``generate(count, points, generator, noise_std=...)``."""


def _polar(radius: Tensor, angle: Tensor) -> Tensor:
    return torch.stack((radius * torch.cos(angle), radius * torch.sin(angle)), dim=-1)


def _shuffled(truth: Tensor, direction: Tensor, generator: Generator, noise_std: float) -> Spirals:
    """Return the trajectories in random order, so that any slice of them has both directions, with noise."""
    order = torch.randperm(len(truth), generator=generator)
    noise = torch.randn(truth.shape, generator=generator, dtype=torch.float64)
    return Spirals(truth[order], truth[order] + noise_std * noise, direction[order])
