"""The ring of Gaussians: its density integrates to one and is that of its samples."""

from __future__ import annotations

import math

import torch

from suite.datasets.gaussian_ring import COMPONENTS, DEVIATION, RADIUS, gaussian_ring, gaussian_ring_log_density


def test_density_integrates_to_one_and_its_second_moment_is_that_of_the_samples() -> None:
    axis = torch.linspace(-5.0, 5.0, 401, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    weights = gaussian_ring_log_density(grid).exp() * (axis[1] - axis[0]) ** 2
    assert abs(float(weights.sum()) - 1) < 1e-6
    moment = float((weights * grid.square().sum(dim=1)).sum())
    assert abs(moment - (RADIUS**2 + 2 * DEVIATION**2)) < 1e-4
    samples = gaussian_ring(40_000, torch.Generator().manual_seed(0))
    assert abs(float(samples.square().sum(dim=1).mean()) - moment) < 0.05


def test_density_at_a_centre_is_that_of_its_component_and_every_component_is_drawn() -> None:
    centre = torch.tensor([[RADIUS, 0.0]], dtype=torch.float64)
    alone = -math.log(2 * math.pi * DEVIATION**2 * COMPONENTS)
    assert (
        alone
        < float(gaussian_ring_log_density(centre))
        < alone + 1e-3 + math.log1p(2 * math.exp(-0.5 * RADIUS**2 / DEVIATION**2))
    )
    samples = gaussian_ring(600, torch.Generator().manual_seed(0))
    angles = torch.atan2(samples[:, 1], samples[:, 0])
    nearest = (angles / (2 * math.pi / COMPONENTS)).round().long() % COMPONENTS
    assert (torch.bincount(nearest, minlength=COMPONENTS) > 50).all()
