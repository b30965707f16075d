"""What the latent states of spirals tell: a linear probe for the direction, its separation, and sweeps of ``z0``."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def linear_probe(features: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
    """Return normal ``[d]`` and offset of the least-squares linear classifier of the directions +1 and -1.

    Args:
        features: Shape ``[count, d]``.
        direction: Labels, shape ``[count]``.
    """
    centre = features.mean(dim=0)
    # The small ridge only keeps a dimension that the posterior left unused from making the system singular.
    moved = features - centre
    gram = moved.T @ moved + 1e-9 * len(features) * torch.eye(features.shape[1]).to(features)
    normal = torch.linalg.solve(gram, moved.T @ (direction - direction.mean()))
    return normal, direction.mean() - centre @ normal


def accuracy(probe: tuple[Tensor, Tensor], features: Tensor, direction: Tensor) -> Tensor:
    """Return the fraction of samples whose direction the probe gets right."""
    normal, offset = probe
    return ((features @ normal + offset).sign() == direction).double().mean()


def silhouette(features: Tensor, labels: Tensor) -> Tensor:
    """Return the mean silhouette of two clusters, from -1 over 0 (mixed) to 1 (far apart) (Rousseeuw 1987)."""
    distances = torch.cdist(features, features)
    same = labels.unsqueeze(0) == labels.unsqueeze(1)
    own = (distances * same).sum(dim=1) / (same.sum(dim=1) - 1)
    other = (distances * ~same).sum(dim=1) / (~same).sum(dim=1)
    return ((other - own) / torch.maximum(own, other)).mean()


def signed_area(curve: Tensor) -> Tensor:
    """Return the area that a curve sweeps around its mean, counter-clockwise positive, shape ``[...]``.

    ``A = 1/2 sum (x_i y_(i+1) - y_i x_(i+1))``, without closing the curve.

    Args:
        curve: Positions along each curve, shape ``[..., points, 2]``.
    """
    x, y = (curve - curve.mean(dim=-2, keepdim=True)).unbind(dim=-1)
    return 0.5 * (x[..., :-1] * y[..., 1:] - y[..., :-1] * x[..., 1:]).sum(dim=-1)


def coordinate_sweep(z0: Tensor, coordinate: int, values: Tensor) -> Tensor:
    """Return copies of each latent state with one coordinate replaced, shape ``[count, len(values), latent]``."""
    swept = z0.unsqueeze(1).repeat(1, len(values), 1)
    swept[..., coordinate] = values
    return swept


def sweep_areas(decode: Callable[[Tensor], Tensor], z0: Tensor, coordinate: int, values: Tensor) -> Tensor:
    """Return the signed areas of the curves decoded along a sweep, shape ``[count, len(values)]``.

    Args:
        decode: From latent states ``[batch, latent]`` to curves ``[batch, points, 2]``.
        z0: Where the sweeps pass through, shape ``[count, latent]``.
        coordinate: Which coordinate varies.
        values: What it takes.
    """
    swept = coordinate_sweep(z0, coordinate, values)
    areas: Tensor = signed_area(decode(swept.flatten(0, 1))).reshape(swept.shape[:2])
    return areas


def sign_changes(areas: Tensor) -> Tensor:
    """Return how often the areas change their sign along the last dimension."""
    return (areas[..., 1:].sign() != areas[..., :-1].sign()).sum(dim=-1)


def largest_jump(areas: Tensor) -> Tensor:
    """Return the largest difference of neighbouring areas as a part of the range of all of them."""
    return areas.diff(dim=-1).abs().amax(dim=-1) / (areas.amax(dim=-1) - areas.amin(dim=-1))
