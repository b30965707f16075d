from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn

from suite.models import Gradient
from suite.models.data_control import ConditionConcatenation, DataControlledBlock
from suite.models.depth_varying import DepthConcatenation, DepthField

TIGHT: dict[str, Any] = {"method": "dopri8", "rtol": 1e-10, "atol": 1e-10}


def block(gradient: Gradient = "adjoint") -> DataControlledBlock:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = DepthField(DepthConcatenation(), nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 2))
        return DataControlledBlock(ConditionConcatenation(network), gradient=gradient, **TIGHT).double()


def normal(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("samples", [1, 4])
@pytest.mark.parametrize("gradient", get_args(Gradient))
def test_gradients_to_state_condition_and_parameters_match_finite_differences(gradient: Gradient, samples: int) -> None:
    model = block(gradient)
    z0, condition = normal(samples, 2).requires_grad_(), normal(samples, 3, seed=2).requires_grad_()
    weights = normal(samples, 2, seed=3)

    def loss() -> Tensor:
        return torch.sum(weights * model(z0, condition))

    inputs = (condition, z0, *model.parameters())
    gradients = torch.autograd.grad(loss(), inputs)
    assert len(inputs) == 6
    for tensor, found in zip(inputs, gradients, strict=True):
        for index in range(0, tensor.numel(), 5):
            values = []
            with torch.no_grad():
                for offset in (1e-5, -1e-5):
                    tensor.view(-1)[index] += offset
                    values.append(loss().item())
                    tensor.view(-1)[index] -= offset
            assert found.reshape(-1)[index].item() == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-6, abs=1e-8)


def test_input_that_is_state_and_condition_has_both_gradients() -> None:
    """``dz/dt = -theta (z + x)`` from ``z(0) = x`` ends at ``-x + 2 x exp(-theta)`` (proposition 2)."""

    class Reflecting(nn.Module):
        def forward(self, t: Tensor, z: Tensor, x: Tensor) -> Tensor:
            return -3 * (z + x)

    x = torch.linspace(-1, 1, 5, dtype=torch.float64).unsqueeze(1).requires_grad_()
    model = DataControlledBlock(Reflecting(), **TIGHT)
    end = model(x, x)
    factor = -1 + 2 * torch.exp(torch.tensor(-3.0, dtype=torch.float64))
    torch.testing.assert_close(end, factor * x)
    (slope,) = torch.autograd.grad(end.sum(), x)
    torch.testing.assert_close(slope, factor.expand_as(x))


def test_flow_under_a_condition_is_inverted_by_going_back() -> None:
    model, z0, condition = block(), normal(6, 2), normal(6, 3, seed=2)
    with torch.no_grad():
        there = model.trajectory(z0, condition, (0.0, 0.4, 1.0))
        back = model.trajectory(there[-1], condition, (1.0, 0.4, 0.0))
        other = model.trajectory(z0, condition + 1, (0.0, 1.0))
    torch.testing.assert_close(back.flip(0), there, rtol=0, atol=1e-8)
    assert float((there[-1] - other[-1]).abs().max()) > 0.05


def test_evaluations_are_counted_and_the_field_given_back() -> None:
    model = block()
    end = model(normal(3, 2), normal(3, 3).requires_grad_())
    forward = model.nfe_forward
    assert forward > 6
    assert model.nfe_backward == 0
    end.sum().backward()
    assert model.nfe_forward == forward
    assert model.nfe_backward > 6
    model.reset_counts()
    assert (model.nfe_forward, model.nfe_backward) == (0, 0)
    assert isinstance(model.field, ConditionConcatenation)
    with pytest.raises(ValueError, match="unknown gradient"):
        DataControlledBlock(nn.Identity(), gradient="magic")  # type: ignore[arg-type]
