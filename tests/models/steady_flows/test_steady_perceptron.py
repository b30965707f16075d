"""The steady perceptron's divergence against automatic differentiation and finite differences."""

from __future__ import annotations

import torch

from suite.models.exact_divergence import jacobian_trace
from suite.models.steady_flows import SteadyPerceptron


def field() -> SteadyPerceptron:
    torch.manual_seed(2)
    return SteadyPerceptron(3, 7).double()


def test_divergence_is_the_trace_of_the_jacobian() -> None:
    perceptron, z, t = field(), torch.randn(5, 3, dtype=torch.float64), torch.tensor(0.3)
    velocity, divergence = perceptron.velocity_and_divergence(t, z)
    value, trace = jacobian_trace(lambda point: perceptron(t, point), z)
    torch.testing.assert_close(velocity, value)
    torch.testing.assert_close(divergence, trace)
    shift = 1e-6 * torch.eye(3, dtype=torch.float64)
    with torch.no_grad():
        differences = sum((perceptron(t, z + row) - perceptron(t, z - row))[:, i] / 2e-6 for i, row in enumerate(shift))
    torch.testing.assert_close(divergence, differences, rtol=1e-7, atol=1e-8)


def test_divergence_is_differentiated_as_the_trace_is() -> None:
    perceptron, z, t = field(), torch.randn(5, 3, dtype=torch.float64), torch.tensor(0.0)
    (one,) = torch.autograd.grad(
        perceptron.velocity_and_divergence(t, z)[1].square().sum(), [perceptron.linear_layers[1].weight]
    )
    (other,) = torch.autograd.grad(
        jacobian_trace(lambda point: perceptron(t, point), z.requires_grad_())[1].square().sum(),
        [perceptron.linear_layers[1].weight],
    )
    torch.testing.assert_close(one, other)


def test_layers_are_those_written_out() -> None:
    perceptron, z = field(), torch.randn(4, 3, dtype=torch.float64)
    value = z
    for index, layer in enumerate(perceptron.linear_layers):
        value = value @ layer.weight.t() + layer.bias
        if index < 3:
            value = torch.log(1 + value.exp())
        elif index == 3:
            value = torch.tanh(value)
    torch.testing.assert_close(perceptron(torch.tensor(0.0), z), value)
