import math

import pytest
import torch
from torch import Tensor, nn

from suite.models import parameter_count
from suite.models.depth_varying import DepthField, FourierBasis, GalerkinLinear, StackedField
from suite.models.two_layer_fields import (
    DEPENDENCES,
    Dependence,
    DepthDependent,
    RepeatedField,
    depth_variation,
    parameters_at,
    piecewise_mean,
    two_layer_field,
)
from suite.models.two_layer_fields.parameters_at_depth import flat_parameters


def trained(dependence: Dependence, **sizes: int) -> DepthDependent:
    """A field in double precision whose parameters are all drawn at random, as after some training."""
    torch.manual_seed(0)
    field = two_layer_field(dependence, 2, 8, **sizes).double()
    with torch.no_grad():
        for parameter in field.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return field


def states() -> Tensor:
    return torch.randn(5, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("dependence", DEPENDENCES)
def test_parameters_at_a_depth_are_those_of_the_field(dependence: Dependence) -> None:
    field, z = trained(dependence), states()
    for depth in (0.0, 0.13, 0.5, 0.99):
        (w1, b1), (w2, b2) = parameters_at(field, depth)
        expected = torch.tanh(z @ w1.T + b1) @ w2.T + b2
        torch.testing.assert_close(field(torch.tensor(depth, dtype=torch.float64), z), expected)


@pytest.mark.parametrize("dependence", DEPENDENCES)
def test_fields_start_without_depth_dependence_unless_they_read_the_depth(dependence: Dependence) -> None:
    torch.manual_seed(0)
    variation = depth_variation(two_layer_field(dependence, 2, 8))
    assert variation > 0.01 if dependence == "concatenated" else variation < 1e-6


def test_parameter_counts_are_those_of_the_modes_times_a_vanilla_field() -> None:
    counts = {name: parameter_count(two_layer_field(name, 2, 32)) for name in DEPENDENCES}
    assert counts["constant"] == 162
    assert counts["fourier"] == 11 * 162
    assert counts["monomials"] == counts["chebyshev"] == 5 * 162
    assert counts["released"] == 10 * 162 + 4  # two dilations and two shifts
    assert counts["stacked"] == 20 * 162
    # As the authors' cookbook counts its fields of 64 units.
    assert parameter_count(two_layer_field("constant", 2, 64)) == 322
    assert parameter_count(two_layer_field("concatenated", 2, 64)) == 388


def test_variation_of_one_harmonic_is_its_closed_form() -> None:
    layer = GalerkinLinear(1, 1, FourierBasis(1), bias=False).double()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([2.0, 0.0, 1.0]).reshape(3, 1, 1))
    # theta(s) = 2 + sin(2 pi s): variance 1/2, mean square 4.5.
    assert depth_variation(DepthField(layer)) == pytest.approx(math.sqrt(0.5 / 4.5), rel=1e-6)


@pytest.mark.parametrize("dependence", ["monomials", "chebyshev", "fourier"])
def test_piecewise_mean_is_the_integral_over_each_piece(dependence: Dependence) -> None:
    field = trained(dependence)
    stacked = piecewise_mean(field, 4)
    depths = (torch.arange(400, dtype=torch.float64) + 0.5) / 400
    values = torch.stack([flat_parameters(field, float(depth)) for depth in depths])
    for piece, mean in enumerate(values.unflatten(0, (4, -1)).mean(dim=1)):
        torch.testing.assert_close(flat_parameters(stacked, (piece + 0.5) / 4), mean, atol=1e-3, rtol=1e-3)


def test_pieces_of_a_stacked_field_are_averaged_whole() -> None:
    field = trained("stacked", pieces=4)
    torch.testing.assert_close(flat_parameters(piecewise_mean(field, 4), 0.6), flat_parameters(field, 0.6))
    expected = (flat_parameters(field, 0.6) + flat_parameters(field, 0.9)) / 2
    torch.testing.assert_close(flat_parameters(piecewise_mean(field, 2), 0.7), expected)
    with pytest.raises(ValueError, match="not cut"):
        piecewise_mean(field, 3)


def test_repeated_field_is_periodic_and_its_own_on_the_first_period() -> None:
    field, z = trained("monomials"), states()
    repeated = RepeatedField(field, 1.0)
    for depth in (0.0, 0.4):
        first = field(torch.tensor(depth, dtype=torch.float64), z)
        for period in range(3):
            torch.testing.assert_close(repeated(torch.tensor(depth + period, dtype=torch.float64), z), first)
    with pytest.raises(ValueError, match="positive"):
        RepeatedField(field, 0.0)


def test_what_has_no_parameters_at_a_depth_is_refused() -> None:
    with pytest.raises(TypeError, match="ReLU"):
        parameters_at(DepthField(nn.Linear(2, 2), nn.ReLU()), 0.0)
    with pytest.raises(TypeError, match="fields of layers"):
        parameters_at(StackedField([nn.Linear(2, 2)]), 0.0)
    with pytest.raises(ValueError, match="unknown dependence"):
        two_layer_field("quadratic", 2, 2)  # type: ignore[arg-type]
