import math

import pytest
import torch
from torch import nn

from suite.models import ODEBlock, parameter_count
from suite.models.flow_classifier import FlowClassifier
from suite.models.order_networks import KINDS, HarmonicField, SteadyField, harmonic_start
from suite.models.regularisers import kinetic_energy
from suite.solvers import odeint


def classifier(kind: str, inputs: int, hidden: int) -> FlowClassifier:
    parts = KINDS[kind]
    return FlowClassifier(parts.start(inputs), parts.field(inputs, hidden), nn.Linear(parts.state(inputs), 2), 1e-3)


@pytest.mark.parametrize(
    ("kind", "inputs", "hidden", "count"),
    [
        ("second", 2, 64, 460),  # as the tutorial prints
        ("second", 3, 64, 657),  # likewise
        ("first", 2, 64, 3 * 64 + 65 * 2 + 6),
        ("anode", 2, 64, 5 * 64 + 65 * 4 + 10),
        ("anode-tutorial", 3, 64, 9 * 64 + 65 * 8 + 18),
        ("input-layer-tutorial", 3, 64, 9 * 64 + 65 * 8 + 18 + 32),
        ("input-layer", 2, 64, 5 * 64 + 65 * 4 + 10 + 6),
        ("selective", 2, 64, 4 * 64 + 65 * 2 + 8),
        ("tenth", 2, 128, 21 * 128 + 129 * 2 + 42),
    ],
)
def test_parameters_are_those_of_the_widths(kind: str, inputs: int, hidden: int, count: int) -> None:
    model = classifier(kind, inputs, hidden)
    assert parameter_count(model) == count
    x = torch.randn(3, inputs)
    assert model.start(x).shape == (3, KINDS[kind].state(inputs))
    assert model(x).shape == (3, 2)
    assert model.evaluations(x) > 5


@pytest.mark.parametrize("order", [2, 4, 10])
def test_cosine_solves_the_harmonic_equation_of_every_even_order(order: int) -> None:
    field = HarmonicField(order)
    times = torch.linspace(0, 2, 5, dtype=torch.float64)
    path = odeint(field, harmonic_start(order), times, rtol=1e-10, atol=1e-10)
    assert isinstance(path, torch.Tensor)
    derivatives = [math.cos(2 + k * math.pi / 2) for k in range(order)]
    assert path[-1, 0].tolist() == pytest.approx(derivatives, abs=1e-7)
    carried = torch.linalg.matrix_exp(2 * field.companion()) @ harmonic_start(order)[0]
    assert carried.tolist() == pytest.approx(derivatives, abs=1e-12)
    z = torch.randn(3, order, dtype=torch.float64)
    assert torch.allclose(field(times[0], z), z @ field.companion().T, rtol=0, atol=1e-14)


def test_odd_orders_of_the_harmonic_equation_are_refused() -> None:
    with pytest.raises(ValueError, match="even order"):
        HarmonicField(3)


def test_integral_along_the_paths_is_that_of_the_closed_form() -> None:
    """``z' = a z`` has ``int |a z|^2 dt = a |z(0)|^2 (e^(2a) - 1) / 2``."""

    class Growth(nn.Module):
        def forward(self, t: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
            return 0.7 * z

    model = FlowClassifier(nn.Identity(), Growth(), nn.Identity(), 1e-8)
    x = torch.randn(6, 3, dtype=torch.float64)
    scores, integral = model.with_integral(x, kinetic_energy)
    expected = 0.7 * x.square().sum(dim=1).mean() * math.expm1(1.4) / 2
    assert float(integral) == pytest.approx(float(expected), rel=1e-6)
    assert torch.allclose(scores, math.exp(0.7) * x, rtol=0, atol=1e-6)
    assert torch.allclose(model(x), scores, rtol=0, atol=1e-6)


def test_steady_field_is_the_two_layer_network() -> None:
    field = SteadyField(2, 3, 1).double()
    z = torch.randn(4, 2, dtype=torch.float64)
    expected = torch.tanh(z @ field.inner.weight.T + field.inner.bias) @ field.outer.weight.T + field.outer.bias
    assert torch.allclose(field(torch.tensor(0.3), z), expected, rtol=0, atol=1e-14)


def test_selective_order_moves_its_position_by_its_velocity_alone() -> None:
    parts = KINDS["selective"]
    start, field = parts.start(2), parts.field(2, 8)
    x = torch.randn(5, 2)
    z = start(x)
    assert torch.equal(z, torch.cat([torch.zeros(5, 1), x], dim=1))
    assert torch.equal(field(torch.tensor(0.0), z)[:, 0], z[:, 1])
    assert isinstance(ODEBlock(field)(z), torch.Tensor)
