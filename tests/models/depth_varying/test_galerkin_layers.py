from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from suite.gradients import Adjoint
from suite.models.depth_varying import (
    ChebyshevBasis,
    DepthConcatenation,
    DepthField,
    FourierBasis,
    GalerkinConv2d,
    GalerkinLayer,
    GalerkinLinear,
    ReleasedFourierBasis,
)
from suite.solvers import solve


def drawn(layer: nn.Module, seed: int = 0) -> nn.Module:
    """The layer in float64 with every coefficient drawn from a normal distribution."""
    generator = torch.Generator().manual_seed(seed)
    layer.double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64) / 3)
    return layer


def normal(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("bias", [True, False])
def test_linear_layer_is_the_sum_over_modes(bias: bool) -> None:
    layer = GalerkinLinear(3, 2, FourierBasis(2), bias=bias)
    drawn(layer)
    z, s = normal(4, 3), torch.tensor(0.3, dtype=torch.float64)
    expected = torch.zeros(4, 2, dtype=torch.float64)
    for mode, value in enumerate(layer.basis(s)):
        expected += value * functional.linear(z, layer.weight[mode], None if layer.bias is None else layer.bias[mode])
    torch.testing.assert_close(layer(s, z), expected)


def test_convolution_is_the_sum_over_modes() -> None:
    layer = GalerkinConv2d(2, 3, 3, ChebyshevBasis(2), padding=1, stride=2)
    drawn(layer)
    assert layer.bias is not None
    z, s = normal(4, 2, 6, 6), torch.tensor(0.3, dtype=torch.float64)
    expected = torch.zeros(4, 3, 3, 3, dtype=torch.float64)
    for mode, value in enumerate(layer.basis(s)):
        expected += value * functional.conv2d(z, layer.weight[mode], layer.bias[mode], stride=2, padding=1)
    torch.testing.assert_close(layer(s, z), expected)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (GalerkinLinear(3, 2, FourierBasis(2)), (4, 3)),
        (GalerkinLinear(3, 2, ReleasedFourierBasis(2), bias=False), (4, 3)),
        (GalerkinConv2d(2, 3, 3, FourierBasis(1), padding=1), (4, 2, 5, 5)),
        (GalerkinConv2d(2, 3, 3, FourierBasis(1), bias=False), (4, 2, 5, 5)),
        (DepthConcatenation(), (4, 3)),
        (DepthConcatenation(), (4, 2, 5, 5)),
    ],
)
def test_depths_of_the_samples_own_are_those_one_by_one(layer: Any, shape: tuple[int, ...]) -> None:
    drawn(layer)
    z, depths = normal(*shape), torch.linspace(-0.5, 2, 4, dtype=torch.float64)
    expected = torch.cat([layer(s, z[i : i + 1]) for i, s in enumerate(depths)])
    torch.testing.assert_close(layer(depths, z), expected)


@pytest.mark.parametrize("layer", [GalerkinLinear(3, 2, FourierBasis(2)), GalerkinConv2d(3, 2, 3, FourierBasis(2))])
def test_new_layer_is_an_ordinary_one_and_every_mode_has_a_gradient(layer: GalerkinLayer) -> None:
    assert layer.bias is not None
    assert not bool(layer.weight[1:].any())
    assert not bool(layer.bias[1:].any())
    times = torch.tensor([0.0, 0.3, 0.7])
    for values, coefficients in zip(layer.parameters_at(times), (layer.weight, layer.bias), strict=True):
        assert values is not None
        torch.testing.assert_close(values, coefficients[0].expand_as(values))
    z = torch.ones(2, 3) if isinstance(layer, GalerkinLinear) else torch.ones(2, 3, 3, 3)
    layer(torch.tensor(0.3), z).sum().backward()
    assert layer.weight.grad is not None
    assert bool((layer.weight.grad.flatten(1).abs().amax(1) > 1e-3).all())


def test_layers_are_initialised_as_torchs_own() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        layer = GalerkinLinear(3, 2, FourierBasis(2))
        torch.manual_seed(3)
        ordinary = nn.Linear(3, 2)
    z = torch.ones(1, 3)
    torch.testing.assert_close(layer(torch.tensor(0.4), z), ordinary(z))


def test_depth_is_the_last_input() -> None:
    joined = DepthConcatenation()(torch.tensor(0.5), torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert joined.tolist() == [[1.0, 2.0, 0.5], [3.0, 4.0, 0.5]]


def field() -> DepthField:
    made = DepthField(
        DepthConcatenation(), GalerkinLinear(3, 4, FourierBasis(1)), nn.Tanh(), nn.Linear(4, 4), nn.Tanh(),
        GalerkinLinear(4, 2, ReleasedFourierBasis(2)),
    )  # fmt: skip
    drawn(made)
    return made


def test_depth_goes_to_the_layers_that_take_it() -> None:
    made, z, s = field(), normal(5, 2), torch.tensor(0.3, dtype=torch.float64)
    first, middle, last = made.layers[1], made.layers[3], made.layers[5]
    hidden = torch.tanh(first(s, torch.cat([z, torch.full((5, 1), 0.3, dtype=torch.float64)], dim=1)))
    torch.testing.assert_close(made(s, z), last(s, torch.tanh(middle(hidden))))


def test_adjoint_finds_every_coefficient_and_agrees_with_autograd_and_differences() -> None:
    made, z0, t = field(), normal(5, 2).requires_grad_(), torch.tensor([0.0, 0.4], dtype=torch.float64)

    def loss(gradient: Adjoint | None) -> Tensor:
        states = solve(made, z0, t, gradient=gradient, method="dopri8", rtol=1e-8, atol=1e-8).states
        assert isinstance(states, Tensor)
        return states[-1].square().sum()

    inputs = (z0, *made.parameters())
    assert len(inputs) == 9  # two coefficients each of two Galerkin layers, one linear layer, dilation and shift
    direct = torch.autograd.grad(loss(None), inputs)
    torch.testing.assert_close(torch.autograd.grad(loss(Adjoint()), inputs), direct, rtol=1e-6, atol=1e-8)
    generator = torch.Generator().manual_seed(5)
    directions = [torch.randn(part.shape, generator=generator, dtype=torch.float64) for part in inputs]
    values = []
    with torch.no_grad():
        for offset in (1e-4, -1e-4):
            for part, direction in zip(inputs, directions, strict=True):
                part.add_(offset * direction)
            values.append(loss(None).item())
            for part, direction in zip(inputs, directions, strict=True):
                part.sub_(offset * direction)
    along = sum(float((one * other).sum()) for one, other in zip(direct, directions, strict=True))
    assert along == pytest.approx((values[0] - values[1]) / 2e-4, rel=1e-5)
