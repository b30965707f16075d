"""The targets of conditional flows: what is drawn has the density that is said."""

import math

import pytest
import torch

from suite.datasets.noisy_spirals import NoisySpirals
from suite.datasets.ring_of_gaussians import RingOfGaussians

TARGETS = (
    NoisySpirals(),
    NoisySpirals(noise=0.2, radius=1.5, turns=0.6),
    RingOfGaussians(),
    RingOfGaussians(5, 1, 0.4),
)


@pytest.mark.parametrize("target", TARGETS, ids=repr)
def test_density_integrates_to_one(target: NoisySpirals | RingOfGaussians) -> None:
    side = torch.linspace(-3.2, 3.2, 90, dtype=torch.float64)
    mass = target.log_density(torch.cartesian_prod(side, side)).exp().sum() * (side[1] - side[0]).square()
    assert float(mass) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("target", TARGETS, ids=repr)
def test_samples_have_the_density_that_is_said(target: NoisySpirals | RingOfGaussians) -> None:
    samples = target.sample(40_000, torch.Generator().manual_seed(0)).double()
    side = torch.linspace(-0.4, 0.4, 41, dtype=torch.float64)
    offsets = torch.cartesian_prod(side, side)
    offsets = offsets[offsets.norm(dim=1) < 0.4]
    for centre in torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, -1.6]], dtype=torch.float64):
        mass = float(target.log_density(centre + offsets).exp().sum()) * 0.02**2
        share = float(((samples - centre).norm(dim=1) < 0.4).double().mean())
        assert share == pytest.approx(mass, abs=4 * math.sqrt(max(mass, 1e-3) / 40_000) + 0.003)


def test_density_of_the_ring_is_that_of_a_mixture() -> None:
    ring, x = RingOfGaussians(3, 1.5, 0.3), torch.tensor([[0.2, -0.4], [1.5, 0.0]], dtype=torch.float64)
    angles = [2 * math.pi * each / 3 for each in range(3)]
    normals = [
        torch.distributions.Normal(torch.tensor([1.5 * math.cos(a), 1.5 * math.sin(a)], dtype=torch.float64), 0.3)
        for a in angles
    ]
    mixture = sum(normal.log_prob(x).sum(dim=1).exp() for normal in normals) / 3
    assert torch.allclose(ring.log_density(x).exp(), torch.as_tensor(mixture), rtol=1e-12)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="positive"):
        RingOfGaussians(modes=0)
    with pytest.raises(ValueError, match="noise is positive"):
        NoisySpirals(noise=0.0)
