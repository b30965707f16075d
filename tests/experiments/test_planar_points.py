"""The distance of samples against a shift's, and the order of a grid."""

from __future__ import annotations

import math

import pytest
import torch

from suite.datasets.two_circles_and_moons import TwoMoons
from suite.experiments.planar_points import sliced_wasserstein, square_grid


def test_sliced_wasserstein_of_a_shift_is_its_length_over_root_two() -> None:
    # Each direction sees the cosine of the shift, whose mean square is one half.
    points = TwoMoons().sample(500, torch.Generator().manual_seed(0))
    assert sliced_wasserstein(points, points) == 0
    shift = torch.tensor([0.3, -0.4])
    assert sliced_wasserstein(points, points + shift) == pytest.approx(0.5 / math.sqrt(2), rel=1e-4)
    order = torch.randperm(500, generator=torch.Generator().manual_seed(0))
    assert sliced_wasserstein(points, points[order]) == pytest.approx(0.0, abs=1e-6)


def test_grid_runs_row_by_row_from_the_lower_left() -> None:
    grid = square_grid(2.0, 4, torch.device("cpu"))
    assert grid.shape == (16, 2)
    assert grid[0].tolist() == [-1.5, -1.5]
    assert grid[1].tolist() == [-0.5, -1.5]
    assert grid[-1].tolist() == [1.5, 1.5]
