"""Points of the plane: how far two samples are from each other, and a grid that densities are integrated on."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def sliced_wasserstein(one: Tensor, other: Tensor, directions: int = 64) -> float:
    """Return the sliced 2-Wasserstein distance of two samples of the same size, ``[n, 2]`` each.

    The square root of the mean, over evenly spaced directions, of the squared 2-Wasserstein distance of the
    projections, which is that of the sorted values (Bonneel et al. 2015).
    """
    angles = math.pi * (torch.arange(directions, dtype=one.dtype, device=one.device) + 0.5) / directions
    axes = torch.stack([angles.cos(), angles.sin()])
    gaps = (one @ axes).sort(dim=0).values - (other @ axes).sort(dim=0).values
    return math.sqrt(float(gaps.square().mean()))


def square_grid(half_width: float, side: int, device: torch.device) -> Tensor:
    """Return the centres of ``side`` x ``side`` cells of a square about the origin, row by row: ``[side * side, 2]``.

    The first coordinate varies fastest; both grow from ``-half_width``.
    """
    centres = half_width * ((2 * torch.arange(side, device=device) + 1) / side - 1)
    y, x = torch.meshgrid(centres, centres, indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], dim=1)
