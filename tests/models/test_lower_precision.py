"""Networks with an ODE under autocast: the field is lowered, the state, the gradients and the result are not."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from suite.models import Gradient, ODEBlock
from suite.models.autocast_forward import forward_in_autocast


class Linear(nn.Module):
    """``f(t, y) = A y``, which notes the dtypes of its states and derivatives."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.matrix = nn.Linear(6, 6, bias=False)
        self.matrix.weight.data = torch.randn(6, 6, generator=generator) / 4
        self.seen: set[tuple[torch.dtype, torch.dtype]] = set()

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        derivative: Tensor = self.matrix(y)
        self.seen.add((y.dtype, derivative.dtype))
        return derivative


def states(count: int = 8) -> Tensor:
    return torch.randn(count, 6, generator=torch.Generator().manual_seed(1))


def block(gradient: Gradient = "adjoint", **options: Any) -> tuple[ODEBlock, Linear]:
    field = Linear()
    return ODEBlock(field, rtol=1e-3, atol=1e-3, gradient=gradient, **options), field


def test_only_the_field_is_lowered_forwards_and_in_the_adjoint() -> None:
    solved, field = block()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        end = solved(states())
    assert end.dtype is torch.float32
    forwards = solved.nfe_forward
    end.square().sum().backward()  # when autocast is over
    assert solved.nfe_backward > 0
    assert forwards == solved.nfe_forward
    assert field.seen == {(torch.float32, torch.bfloat16)}
    assert field.matrix.weight.grad is not None
    assert field.matrix.weight.grad.dtype is torch.float32


@pytest.mark.parametrize("gradient", ["direct", "adjoint"])
def test_solution_and_gradient_are_the_exponential_s_to_the_rounding_of_bfloat16(gradient: Gradient) -> None:
    """``y(1) = exp(A) y(0)``, and autograd through ``matrix_exp`` gives the gradients."""
    solved, field = block(gradient)
    start = states().requires_grad_(True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        end = solved(start)
    (end.square().sum()).backward()
    twin, weight = states().requires_grad_(True), field.matrix.weight.detach().clone().requires_grad_(True)
    exact = twin @ torch.linalg.matrix_exp(weight).T
    exact.square().sum().backward()
    rounding = 2**-8
    pairs = ((end.detach(), exact.detach()), (start.grad, twin.grad), (field.matrix.weight.grad, weight.grad))
    for mine, true in pairs:
        assert mine is not None
        assert true is not None
        error = float((mine - true).norm() / true.norm())
        assert error < 3 * rounding
        assert error > 1e-5  # it is lowered indeed


def test_increments_that_bfloat16_has_no_bits_for_are_added() -> None:
    """64 steps of Euler on ``y' = 1e-1 y`` add less than a bit of bfloat16 each; in a bfloat16 state they are lost."""
    solved = ODEBlock(Linear(), method="euler", gradient="direct", options={"step_size": 1 / 64})
    field = solved.counted.vector_field
    assert isinstance(field, Linear)
    field.matrix.weight.data = 0.1 * torch.eye(6)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        growth = solved(torch.ones(1, 6)) - 1
    torch.testing.assert_close(growth, torch.full((1, 6), (1 + 0.1 / 64) ** 64 - 1), rtol=1e-2, atol=0.0)


def test_a_state_in_bfloat16_starts_a_solve_in_float32() -> None:
    solved, _ = block()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        end = solved(states().bfloat16())
    assert end.dtype is torch.float32


def test_gradients_flow_after_an_evaluation_without_them_in_one_autocast() -> None:
    """Autocast's own cache would hand the copy of the weights that a pass without gradients made to one with them."""
    solved, field = block("direct")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        with torch.no_grad():
            solved(states())
        solved(states()).sum().backward()
    assert field.matrix.weight.grad is not None
    assert float(field.matrix.weight.grad.abs().sum()) > 0


def test_nothing_changes_without_autocast_and_weights_keep_their_names() -> None:
    solved, _ = block()
    plain, names = solved(states()), list(solved.state_dict())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        solved(states())
    assert torch.equal(solved(states()), plain)
    assert list(solved.state_dict()) == names == ["counted.vector_field.matrix.weight"]
    assert torch.equal(deepcopy(solved)(states()), plain)


def test_a_lowered_network_returns_float32_and_is_itself_again_after_the_block() -> None:
    model = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))
    inputs = states()
    plain = model(inputs).detach()
    with forward_in_autocast(model, torch.bfloat16):
        lowered = model(inputs).detach()
        assert not torch.is_autocast_enabled("cpu")
        with forward_in_autocast(model, torch.bfloat16):
            assert torch.equal(model(inputs), lowered)
        assert torch.equal(model(inputs), lowered)
    assert lowered.dtype is torch.float32
    assert 0 < float((lowered - plain).abs().max()) < 0.05
    assert "forward" not in vars(model)
    assert torch.equal(model(inputs), plain)
