import math
from dataclasses import replace

import pytest
import torch
from scipy.stats import kstest
from sklearn.datasets import make_moons

from suite.datasets.planar_classes import RELEASED_SPIRAL_ANGLE, PlanarClasses, TwoMoons, TwoSpirals

CLASSES = (TwoMoons(), TwoSpirals(), TwoSpirals(scale=0.25))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("classes", CLASSES, ids=repr)
def test_half_of_the_points_are_of_either_class_in_random_order(classes: PlanarClasses) -> None:
    points, labels = classes.sample(1_000, generator())
    assert points.shape == (1_000, 2)
    assert points.dtype == torch.float32
    assert int(labels.sum()) == 500
    assert 400 < int((labels[1:] != labels[:-1]).sum()) < 600


def test_moons_are_distributed_as_those_of_scikit_learn() -> None:
    points, labels = TwoMoons(noise=0.1).sample(20_000, generator())
    theirs, classes = make_moons(20_000, noise=0.1, random_state=0)
    for label in (0, 1):
        ours, other = points[labels == label].double(), torch.as_tensor(theirs[classes == label])
        for direction in torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]], dtype=torch.float64):
            assert kstest((ours @ direction).numpy(), (other @ direction).numpy()).pvalue > 1e-3


def test_arms_of_the_spirals_are_one_another_turned_by_half_a_circle() -> None:
    points, labels = TwoSpirals(noise=0.0).sample(2_000, generator())
    radius = points.norm(dim=1)
    assert float(radius.max()) <= RELEASED_SPIRAL_ANGLE == pytest.approx(780 * 2 * math.pi / 360)
    # On an arm the radius is the angle: turned back by it, all points of a class lie on one ray.
    turned = torch.atan2(points[:, 1], -points[:, 0]) - radius - math.pi * labels
    assert torch.cos(turned).min() > 1 - 1e-4
    assert kstest((radius / RELEASED_SPIRAL_ANGLE).square().numpy(), "uniform").pvalue > 1e-3


@pytest.mark.parametrize("classes", CLASSES, ids=repr)
def test_noise_is_gaussian_without_a_shift_and_independent_in_both_coordinates(classes: PlanarClasses) -> None:
    noisy, _ = classes.sample(20_000, generator(1))
    clean, _ = replace(classes, noise=0.0).sample(20_000, generator(1))
    noise = ((noisy - clean) / (classes.noise * classes.scale)).double()
    for column in range(2):
        assert kstest(noise[:, column].numpy(), "norm").pvalue > 1e-3
    assert abs(float(torch.corrcoef(noise.T)[0, 1])) < 0.03


def test_points_follow_from_the_generator() -> None:
    assert torch.equal(TwoMoons().sample(10, generator(1))[0], TwoMoons().sample(10, generator(1))[0])
    assert not torch.equal(TwoMoons().sample(10, generator(1))[0], TwoMoons().sample(10, generator(2))[0])


def test_what_makes_no_distribution_is_refused() -> None:
    with pytest.raises(ValueError, match="even"):
        TwoMoons().sample(3, generator())
    with pytest.raises(ValueError, match="noise is not negative"):
        TwoSpirals(noise=-0.1)
