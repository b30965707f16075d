"""The reflection on [-1, 1]: its grids, and the least error of an increasing map."""

from __future__ import annotations

import torch
from torch import Tensor


def grid(points: int, device: torch.device) -> Tensor:
    """Return an evenly spaced grid of [-1, 1] with both ends, shape ``[points, 1]``, in float64."""
    return torch.linspace(-1, 1, points, dtype=torch.float64, device=device).unsqueeze(1)


def held_out_grid(points: int, device: torch.device) -> Tensor:
    """Return numbers between those of the grid of so many points: four in every gap, shape ``[4 (points - 1), 1]``."""
    inside = torch.linspace(-1, 1, 5 * (points - 1) + 1, dtype=torch.float64, device=device)
    kept = torch.arange(len(inside), device=device) % 5 != 0
    return inside[kept].unsqueeze(1)


def floor(x: Tensor) -> float:
    """Return the least mean squared error with which an increasing map fits ``-x`` on a grid: that of a constant.

    Of all increasing fits to falling values the best is their mean (isotonic regression pools them all).
    """
    return float((x - x.mean()).square().mean())


def crossings(paths: Tensor) -> int:
    """Return how many neighbours in ``paths [times, n]``, starting in increasing order, change it on the way."""
    gaps = paths[:, 1:] - paths[:, :-1]
    return int((gaps <= 0).any(dim=0).sum())
