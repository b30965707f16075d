"""Planar targets: unit variance, and the shapes that they are named after."""

from __future__ import annotations

import math

import pytest
import torch

from suite.datasets import planar_targets
from suite.datasets.planar_targets import TARGETS

COUNT = 40_000


@pytest.mark.parametrize("name", TARGETS)
def test_each_coordinate_has_mean_zero_and_unit_variance(name: str) -> None:
    points = TARGETS[name](COUNT, torch.Generator().manual_seed(1))
    assert points.shape == (COUNT, 2)
    assert points.dtype == torch.float64
    assert points.mean(dim=0).abs().max() < 0.02
    torch.testing.assert_close(points.var(dim=0), torch.ones(2, dtype=torch.float64), rtol=0.03, atol=0)
    assert torch.equal(points, TARGETS[name](COUNT, torch.Generator().manual_seed(1)))


def test_rings_lie_at_their_radii() -> None:
    scale = math.sqrt(sum(r**2 for r in planar_targets.RADII) / 8 + planar_targets.RING_NOISE**2)
    radius = scale * TARGETS["rings"](COUNT, torch.Generator().manual_seed(2)).norm(dim=1)
    distance = (radius[:, None] - torch.tensor(planar_targets.RADII)).abs()
    assert distance.amin(dim=1).max() < 5 * planar_targets.RING_NOISE
    shares = torch.bincount(distance.argmin(dim=1)) / COUNT
    torch.testing.assert_close(shares, torch.full((4,), 0.25), rtol=0, atol=0.02)


def test_checkerboard_has_points_in_every_black_square_and_none_in_a_white_one() -> None:
    cells = (TARGETS["checkerboard"](COUNT, torch.Generator().manual_seed(3)) * math.sqrt(16 / 12) + 2).floor().long()
    counts = torch.zeros(4, 4).index_put_((cells[:, 0], cells[:, 1]), torch.ones(COUNT), accumulate=True)
    black = torch.tensor([[(i + j) % 2 == 0 for j in range(4)] for i in range(4)])
    assert counts[~black].sum() == 0
    torch.testing.assert_close(counts[black] / COUNT, torch.full((8,), 1 / 8), rtol=0, atol=0.01)


def test_gaussians_are_five_equal_modes_and_the_pinwheel_has_five_arms() -> None:
    points = TARGETS["gaussians"](COUNT, torch.Generator().manual_seed(4)) * math.sqrt(8.25)
    angle = torch.atan2(points[:, 1], points[:, 0])
    mode = torch.round(angle / (2 * math.pi / 5)).long() % 5
    torch.testing.assert_close(torch.bincount(mode) / COUNT, torch.full((5,), 0.2), rtol=0, atol=0.02)
    assert float((points.norm(dim=1) - 4).abs().mean()) == pytest.approx(0.5 * math.sqrt(2 / math.pi), abs=0.05)
    wheel = TARGETS["pinwheel"](COUNT, torch.Generator().manual_seed(5)) * math.sqrt(1.1 / 2)
    # Unwound by the turn that belongs to its length, an arm is straight.
    length = wheel.norm(dim=1)
    straight = torch.atan2(wheel[:, 1], wheel[:, 0]) - 0.25 * length.exp()
    fifth = torch.exp(5j * straight).mean().abs()
    assert float(fifth) > 0.7
    assert float(torch.exp(1j * straight).mean().abs()) < 0.05
