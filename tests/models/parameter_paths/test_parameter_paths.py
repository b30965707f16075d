import numpy as np
import pytest
import torch
from torch import nn

from suite.models.depth_varying import FourierBasis, GalerkinLinear
from suite.models.parameter_paths import BumpedPath, ExplicitNetwork, PathField, SpectralPath


def test_network_of_explicit_parameters_is_the_ordinary_one() -> None:
    network = ExplicitNetwork(2, 3)
    ordinary = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2, bias=False)).double()
    inner, outer = ordinary[0], ordinary[2]
    assert isinstance(inner, nn.Linear)
    assert isinstance(outer, nn.Linear)
    theta = torch.cat([inner.weight.T.reshape(-1), inner.bias, outer.weight.T.reshape(-1)]).detach()
    z = torch.randn(5, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert theta.shape == (network.size,)
    torch.testing.assert_close(network(theta, z), ordinary(z).detach())


def test_spectral_path_is_a_galerkin_layer_in_one_vector() -> None:
    layer = GalerkinLinear(2, 3, FourierBasis(2)).double()
    nn.init.normal_(layer.weight)
    path = SpectralPath(FourierBasis(2), layer.weight.detach().flatten(1))
    s = torch.tensor(0.37, dtype=torch.float64)
    torch.testing.assert_close(path(s).view(3, 2), layer.parameters_at(s)[0])
    network = ExplicitNetwork(1, 2)
    z = torch.ones(4, 1, dtype=torch.float64)
    field = PathField(network, path)
    torch.testing.assert_close(field(s, z), network(path(s), z))
    assert list(field.parameters()) == [path.coefficients]


def test_bump_has_its_mass_and_stays_inside_its_width() -> None:
    path = SpectralPath(FourierBasis(0), torch.zeros(1, 2, dtype=torch.float64))
    direction = torch.tensor([1.0, -2.0], dtype=torch.float64)
    bumped = BumpedPath(path, direction, centre=0.6, width=0.1, amount=0.5)
    s = np.linspace(0.4, 0.8, 20_001)
    mass = np.trapezoid(bumped.bump(torch.from_numpy(s)).numpy(), s)
    assert mass == pytest.approx(0.1 * BumpedPath.MASS, rel=1e-7)
    middle, outside = (bumped(torch.tensor(depth, dtype=torch.float64)) for depth in (0.6, 0.71))
    torch.testing.assert_close(middle.detach(), 0.5 * direction)
    assert not bool(outside.any())
