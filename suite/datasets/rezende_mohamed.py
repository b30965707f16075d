"""The two-dimensional energies that Fig. 4 of Chen et al. 2018 matches (Rezende and Mohamed 2015, table 1).

A target density is ``exp(-U(z))`` up to its normaliser. Only U1 has one: U3 and U4 are ridges along an infinite sine,
which no constant normalises. What can be compared with all three is the density restricted to the window
``[-4, 4]^2`` that the figure shows.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

WINDOW = 4.0
"""Half-width of the square that the figure shows."""


def _ridge(distance: Tensor, width: float) -> Tensor:
    """Return the logarithm of a Gaussian ridge, 0 on its crest."""
    return -0.5 * (distance / width).square()


def _sine(z1: Tensor) -> Tensor:
    return torch.sin(2 * math.pi * z1 / 4)


def _bump(z1: Tensor) -> Tensor:
    return 3 * torch.exp(_ridge(z1 - 1, 0.6))


def _step(z1: Tensor) -> Tensor:
    # The exponential of the logarithm, because the gradient of this form is finite far from the step.
    return 3 * logsigmoid((z1 - 1) / 0.3).exp()


def two_crescents(z: Tensor) -> Tensor:
    """Return U1 of points ``[..., 2]``: a ring of radius 2 cut into a left and a right crescent."""
    z1, radius = z[..., 0], torch.linalg.vector_norm(z, dim=-1)
    return -_ridge(radius - 2, 0.4) - torch.logaddexp(_ridge(z1 - 2, 0.6), _ridge(z1 + 2, 0.6))


def split_by_bump(z: Tensor) -> Tensor:
    """Return U3 of points ``[..., 2]``: a sine that a second ridge leaves and joins again. Improper."""
    z1, off_sine = z[..., 0], z[..., 1] - _sine(z[..., 0])
    return -torch.logaddexp(_ridge(off_sine, 0.35), _ridge(off_sine + _bump(z1), 0.35))


def split_by_step(z: Tensor) -> Tensor:
    """Return U4 of points ``[..., 2]``: a sine that a second ridge leaves for good. Improper."""
    z1, off_sine = z[..., 0], z[..., 1] - _sine(z[..., 0])
    return -torch.logaddexp(_ridge(off_sine, 0.4), _ridge(off_sine + _step(z1), 0.35))


ENERGIES: Mapping[str, Callable[[Tensor], Tensor]] = {"u1": two_crescents, "u3": split_by_bump, "u4": split_by_step}
"""The energies ``U`` by name: ``[..., 2]`` to ``[...]``, in nats."""


def grid(points: int, half_width: float = WINDOW, dtype: torch.dtype = torch.float64) -> tuple[Tensor, float]:
    """Return the centres of ``points^2`` square cells of ``[-half_width, half_width]^2`` and the area of one.

    The centres have shape ``[points^2, 2]``; z1 runs slowest. Summing over them is the midpoint rule.
    """
    side = 2 * half_width / points
    centres = (torch.arange(points, dtype=dtype) + 0.5) * side - half_width
    return torch.cartesian_prod(centres, centres), side**2


@functools.cache
def log_normaliser(target: str, half_width: float = WINDOW, points: int = 400) -> float:
    """Return ``log`` of the integral of ``exp(-U)`` over ``[-half_width, half_width]^2`` by the midpoint rule.

    The sum converges faster than any power of the cell's size while the density vanishes at the border; where a ridge
    crosses it, as in U3 and U4, with the square.
    """
    centres, area = grid(points, half_width)
    return float(torch.logsumexp(-ENERGIES[target](centres), dim=0)) + math.log(area)
