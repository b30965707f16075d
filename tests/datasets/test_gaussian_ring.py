"""The ring of Gaussians: its density integrates to one and is that of its samples."""

from __future__ import annotations

import math

import torch

from suite.datasets.gaussian_ring import RING, ring_log_density


def test_density_integrates_to_one_and_its_second_moment_is_that_of_the_samples() -> None:
    axis = torch.linspace(-5.0, 5.0, 401, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    weights = ring_log_density(grid).exp() * (axis[1] - axis[0]) ** 2
    assert abs(float(weights.sum()) - 1) < 1e-6
    moment = float((weights * grid.square().sum(dim=1)).sum())
    assert abs(moment - (RING.radius**2 + 2 * RING.deviation**2)) < 1e-4
    samples = RING.sample(40_000, torch.Generator().manual_seed(0), torch.float64)
    assert abs(float(samples.square().sum(dim=1).mean()) - moment) < 0.05


def test_density_at_a_centre_is_that_of_its_component_and_every_component_is_drawn() -> None:
    centre = torch.tensor([[RING.radius, 0.0]], dtype=torch.float64)
    alone = -math.log(2 * math.pi * RING.deviation**2 * RING.modes)
    assert (
        alone
        < float(ring_log_density(centre))
        < alone + 1e-3 + math.log1p(2 * math.exp(-0.5 * RING.radius**2 / RING.deviation**2))
    )
    samples = RING.sample(600, torch.Generator().manual_seed(0), torch.float64)
    angles = torch.atan2(samples[:, 1], samples[:, 0])
    nearest = (angles / (2 * math.pi / RING.modes)).round().long() % RING.modes
    assert (torch.bincount(nearest, minlength=RING.modes) > 50).all()
