import math

import pytest
import torch
from scipy.stats import kstest
from sklearn.datasets import make_circles, make_moons
from torch import Tensor

from suite.datasets.two_circles_and_moons import NoisyCurves, TwoCircles, TwoMoons

CURVES = (TwoCircles(), TwoMoons(), TwoCircles(noise=0.3, radius=1.0, factor=0.2), TwoMoons(noise=0.2))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("curves", CURVES, ids=repr)
def test_density_integrates_to_one(curves: NoisyCurves) -> None:
    side = torch.linspace(-3.5, 3.5, 200, dtype=torch.float64)
    mass = curves.log_density(torch.cartesian_prod(side, side)).exp().sum() * (side[1] - side[0]).square()
    assert float(mass) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("curves", CURVES, ids=repr)
def test_samples_have_the_density_that_is_said(curves: NoisyCurves) -> None:
    # The share of samples in each of four discs, against the integral of the density over it.
    samples = curves.sample(40_000, generator()).double()
    side = torch.linspace(-0.4, 0.4, 81, dtype=torch.float64)
    offsets = torch.cartesian_prod(side, side)
    offsets = offsets[offsets.norm(dim=1) < 0.4]
    for centre in torch.tensor([[0.0, 0.0], [0.8, 0.3], [-0.5, 0.75], [1.0, -0.75]], dtype=torch.float64):
        mass = float(curves.log_density(centre + offsets).exp().sum()) * 0.01**2
        share = float(((samples - centre).norm(dim=1) < 0.4).double().mean())
        assert share == pytest.approx(mass, abs=4 * math.sqrt(max(mass, 1e-3) / 40_000) + 0.003)


@pytest.mark.parametrize(
    ("curves", "theirs"),
    [
        (TwoCircles(noise=0.06, radius=1.0), make_circles(20_000, noise=0.06, factor=0.5, random_state=0)[0]),
        (TwoMoons(noise=0.1), make_moons(20_000, noise=0.1, random_state=0)[0] - [0.5, 0.25]),
    ],
    ids=["circles", "moons"],
)
def test_samples_are_distributed_as_those_of_scikit_learn(curves: NoisyCurves, theirs: object) -> None:
    ours, other = curves.sample(20_000, generator()).double(), torch.as_tensor(theirs, dtype=torch.float64)
    for direction in torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]], dtype=torch.float64):
        assert kstest((ours @ direction).numpy(), (other @ direction).numpy()).pvalue > 1e-3


def test_samples_follow_from_the_generator() -> None:
    def draw(seed: int) -> Tensor:
        return TwoMoons().sample(10, generator(seed))

    assert torch.equal(draw(1), draw(1))
    assert not torch.equal(draw(1), draw(2))


def test_noise_that_is_not_positive_is_refused() -> None:
    with pytest.raises(ValueError, match="noise is positive"):
        TwoMoons(noise=0.0)
