import math

import pytest
import torch
from scipy import stats

from suite.datasets.annuli import Annuli, circle


def test_radii_follow_the_distribution_of_rice_of_each_circle() -> None:
    """The distance from the origin of a point of a circle with isotropic Gaussian noise is Rice's."""
    annuli = Annuli()
    points, labels = annuli.sample(20_000, torch.Generator().manual_seed(3))
    deviation = annuli.scale * annuli.noise
    for label, radius in ((1, 1.0), (0, 2.0)):
        distances = points[labels == label].norm(dim=1).double().numpy()
        expected = stats.rice(radius / deviation, scale=deviation)
        assert stats.kstest(distances, expected.cdf).pvalue > 0.01
        assert stats.kstest(distances, stats.rice(1.02 * radius / deviation, scale=deviation).cdf).pvalue < 1e-6


def test_angles_are_uniform_and_classes_are_halves() -> None:
    points, labels = Annuli().sample(20_000, torch.Generator().manual_seed(4))
    assert int(labels.sum()) == 10_000
    assert set(labels.tolist()) == {0.0, 1.0}
    turns = (torch.atan2(points[:, 1], points[:, 0]) / (2 * math.pi) + 0.5).numpy()
    assert stats.kstest(turns, "uniform").pvalue > 0.01


def test_without_noise_points_lie_on_the_scaled_circles() -> None:
    annuli = Annuli(inner_radius=0.25, outer_radius=2.0, noise=0.0, scale=3.0)
    points, labels = annuli.sample(7, torch.Generator().manual_seed(0))
    radii = torch.where(labels == 1, annuli.inner, annuli.outer)
    torch.testing.assert_close(points.norm(dim=1), radii)
    assert (annuli.inner, annuli.outer) == (0.75, 6.0)
    assert int(labels.sum()) == 3


def test_a_seed_draws_the_same_points_again_and_going_on_draws_others() -> None:
    first, second = (torch.Generator().manual_seed(8) for _ in range(2))
    assert torch.equal(Annuli().sample(10, first)[0], Annuli().sample(10, second)[0])
    assert not torch.equal(Annuli().sample(10, first)[0], Annuli().sample(10, torch.Generator().manual_seed(8))[0])


def test_circle_is_closed_and_even() -> None:
    points = circle(2.0, 12)
    torch.testing.assert_close(points.norm(dim=1), torch.full((12,), 2.0, dtype=torch.float64))
    steps = (points.roll(-1, 0) - points).norm(dim=1)
    torch.testing.assert_close(steps, steps[:1].expand(12))


@pytest.mark.parametrize(
    ("radii", "noise", "scale"), [((1.0, 0.5), 0.1, 1.0), ((0.5, 1.0), -0.1, 1.0), ((0.5, 1.0), 0.1, 0.0)]
)
def test_impossible_annuli_are_refused(radii: tuple[float, float], noise: float, scale: float) -> None:
    with pytest.raises(ValueError, match="unlike"):
        Annuli(*radii, noise, scale)
