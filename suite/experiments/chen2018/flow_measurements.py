"""What Fig. 5 of Chen et al. 2018 shows of a density on its way, in numbers."""

from __future__ import annotations

import torch
from torch import Tensor

from suite.experiments.planar_points import square_grid
from suite.models.flows import DensityModel, PlanarField


def mass(model: DensityModel, half_width: float, side: int, device: torch.device) -> float:
    """Return the integral of the model's density over a square, by the midpoint rule; 1 for a density."""
    density = model.log_density(square_grid(half_width, side, device)).double().exp()
    return float(density.sum()) * (2 * half_width / side) ** 2


def spreads(states: Tensor) -> list[tuple[float, float]]:
    """Return the standard deviations along the narrowest and the widest direction, for each of ``[times, n, 2]``."""
    centred = states.double() - states.double().mean(dim=1, keepdim=True)
    covariance = centred.mT @ centred / states.shape[1]
    narrow, wide = torch.linalg.eigvalsh(covariance).clamp_min(0).sqrt().unbind(dim=1)
    return list(zip(narrow.tolist(), wide.tolist(), strict=True))


def angular_displacement(states: Tensor) -> Tensor:
    """Return by what angle each point turned about the origin in all, in radians: ``[times, n, 2]`` to ``[n]``.

    A turn is added up from time to time, so it may exceed pi; it must stay below pi between two times.
    """
    before, after = states[:-1], states[1:]
    cross = before[..., 0] * after[..., 1] - before[..., 1] * after[..., 0]
    return torch.atan2(cross, (before * after).sum(dim=-1)).sum(dim=0)


def tangential_share(states: Tensor) -> float:
    """Return which part of all squared displacement is across the radius: 0 for radial motion, 1 for rotation."""
    steps = states[1:] - states[:-1]
    middle = (states[1:] + states[:-1]) / 2
    radial = (steps * middle).sum(dim=-1).square() / middle.square().sum(dim=-1).clamp_min(1e-12)
    return 1 - float(radial.sum() / steps.square().sum())


def direction_turn(field: PlanarField, end_time: float, times: int = 201) -> float:
    """Return by what angle the directions ``w_n(t)`` of a planar field turn between 0 and the end, in radians.

    The mean over units of the absolute value, each unit weighted with the time average of ``|w_n| |sigma_n u_n|``, its
    share in the field. A ridge has no sign, but its direction moves continuously, so turns are added up.
    """
    units = [field.units(t) for t in torch.linspace(0, end_time, times)]
    w, u = torch.stack([each[0] for each in units]), torch.stack([each[1] for each in units])
    weight = (w.norm(dim=2) * u.norm(dim=2)).mean(dim=0)
    return float((angular_displacement(w).abs() * weight).sum() / weight.sum())
