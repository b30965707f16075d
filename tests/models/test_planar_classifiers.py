"""Planar classifiers against closed forms, and their fields against what they are said to read."""

import pytest
import torch
from torch import Tensor, nn

from suite.models import Gradient, ODEBlock
from suite.models.data_control import DataControlledBlock
from suite.models.depth_varying import DepthField, FourierBasis
from suite.models.planar_classifiers import (
    PlanarClassifier,
    data_controlled_perceptron,
    galerkin_perceptron,
    perceptron_field,
    stacked_perceptrons,
)
from suite.solvers import solve

POINTS = torch.tensor([[1.0, 0.5], [-0.3, 2.0], [0.0, 0.0]])


def in_the_plane(field: nn.Module) -> PlanarClassifier:
    torch.manual_seed(0)
    return PlanarClassifier(nn.Identity(), ODEBlock(field), nn.Linear(2, 1))


def test_flow_of_a_linear_field_is_the_matrix_exponential() -> None:
    linear = nn.Linear(2, 2, bias=False)
    model = in_the_plane(DepthField(linear)).double()
    x = POINTS.double()
    exponential = torch.linalg.matrix_exp(linear.weight.detach())
    torch.testing.assert_close(model.final_states(x, 1e-10), x @ exponential.T, rtol=1e-8, atol=1e-8)
    expected = (x @ exponential.T) @ model.readout.weight.detach().T + model.readout.bias.detach()
    torch.testing.assert_close(model.predictions(x, 1e-10), expected.squeeze(1), rtol=1e-8, atol=1e-8)
    states = model.solution(x, (0.0, 0.5, 1.0), 1e-10).states
    assert isinstance(states, Tensor)
    torch.testing.assert_close(states[1], x @ torch.linalg.matrix_exp(0.5 * linear.weight.detach()).T)


def test_trained_block_and_measured_solution_are_one_flow() -> None:
    for field in (perceptron_field(2, 2, (8, 8), reads_depth=True), galerkin_perceptron(FourierBasis(2), hidden=4)):
        model = in_the_plane(field).double()
        assert isinstance(model.block, ODEBlock)
        with torch.no_grad(), model.block.solved_by("dopri5", rtol=1e-9, atol=1e-9):
            torch.testing.assert_close(model(POINTS.double()), model.predictions(POINTS.double(), 1e-9))


def test_stacked_flow_is_one_flow_after_the_other() -> None:
    stacked = stacked_perceptrons(3, hidden=4)
    model = in_the_plane(stacked).double()
    z = POINTS.double()
    for piece in range(3):
        times = torch.tensor([piece / 3, (piece + 1) / 3], dtype=torch.float64)
        found = solve(stacked.fields[piece], z, times, rtol=1e-10, atol=1e-10).states
        assert isinstance(found, Tensor)
        z = found[-1].detach()
    torch.testing.assert_close(model.final_states(POINTS.double(), 1e-10), z, rtol=1e-8, atol=1e-8)


class TowardsTheNorm(nn.Module):
    """``f(s, z, x) = G(x) - x`` with ``G(x) = (|x|^2, 0)``: what no flow in the plane can do."""

    def forward(self, s: Tensor, z: Tensor, x: Tensor) -> Tensor:
        squares = x.square().sum(dim=1)
        return torch.stack([squares, torch.zeros_like(squares)], dim=1) - x


def test_data_control_reaches_any_map_that_its_field_contains() -> None:
    block = DataControlledBlock(TowardsTheNorm(), rtol=1e-6, atol=1e-6)
    model = PlanarClassifier(nn.Identity(), block, nn.Linear(2, 1))
    expected = torch.tensor([[1.25, 0.0], [4.09, 0.0], [0.0, 0.0]])
    torch.testing.assert_close(model.final_states(POINTS, 1e-6), expected)
    with torch.no_grad():
        torch.testing.assert_close(model(POINTS), model.read(expected))


def test_gradients_of_adjoint_and_direct_training_agree() -> None:
    gradients = []
    ways: tuple[Gradient, ...] = ("direct", "adjoint")
    for gradient in ways:
        torch.manual_seed(1)
        field = data_controlled_perceptron(hidden=6)
        block = DataControlledBlock(field, rtol=1e-9, atol=1e-9, gradient=gradient)
        model = PlanarClassifier(nn.Identity(), block, nn.Linear(2, 1)).double()
        model(POINTS.double()).square().mean().backward()
        gradients.append(torch.cat([each.grad.flatten() for each in model.parameters() if each.grad is not None]))
    assert len(gradients[0]) == 4 * 6 + 6 + 6 * 2 + 2 + 3
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-5, atol=1e-7)


def test_a_field_that_starts_at_zero_moves_nothing_and_still_learns() -> None:
    field = perceptron_field(2, 2, (8,), starts_at_zero=True)
    model = in_the_plane(field)
    assert torch.equal(model.final_states(POINTS, 1e-6), POINTS)
    model(POINTS).sum().backward()
    gradient = next(iter(field.layers[-1].parameters())).grad
    assert gradient is not None
    assert float(gradient.abs().max()) > 0


def test_depth_is_an_input_of_hidden_layers_alone() -> None:
    field = perceptron_field(2, 2, (8, 6), reads_depth=True)
    widths = [(layer.in_features, layer.out_features) for layer in field.layers if isinstance(layer, nn.Linear)]
    assert widths == [(3, 8), (9, 6), (6, 2)]
    first, second = (field(torch.tensor(s), POINTS) for s in (0.0, 1.0))
    assert not torch.allclose(first, second)
    steady = perceptron_field(2, 2, (8, 6))
    assert torch.equal(steady(torch.tensor(0.0), POINTS), steady(torch.tensor(1.0), POINTS))


@pytest.mark.parametrize(("activation", "low", "high"), [(nn.Sigmoid, 0.0, 1.0), (nn.Tanh, -1.0, 1.0)])
def test_last_activation_bounds_the_field(activation: type[nn.Module], low: float, high: float) -> None:
    torch.manual_seed(0)
    field = perceptron_field(2, 2, (8,), last_activation=activation)
    values = field(torch.tensor(0.0), 100 * torch.randn(500, 2)).detach()
    assert low <= float(values.min()) < float(values.max()) <= high


def test_without_a_flow_the_read_out_follows_on_the_input_network() -> None:
    network = nn.Linear(2, 2)
    model = PlanarClassifier(network, None, nn.Linear(2, 1))
    with torch.no_grad():
        torch.testing.assert_close(model(POINTS), model.readout(network(POINTS)).squeeze(1))
        torch.testing.assert_close(model.predictions(POINTS, 1e-3), model(POINTS))
    with pytest.raises(TypeError, match="no vector field"):
        model.solution(POINTS, (0.0, 1.0), 1e-3)
