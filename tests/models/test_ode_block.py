from typing import get_args

import pytest
import torch
from torch import Tensor, nn

from suite.models import ConvolutionalField, Gradient, ODEBlock
from suite.models.convolutional_field import TimeConvolution

CHANNELS = 4


def field_and_state(seed: int = 0, batch: int = 2) -> tuple[ConvolutionalField, Tensor]:
    """A field of the ODE-Net in float64 with random affine parameters, and a state to start from."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        field = ConvolutionalField(CHANNELS).double()
        for parameter in field.parameters():
            nn.init.normal_(parameter, std=0.3)
        return field, torch.randn(batch, CHANNELS, 5, 5, dtype=torch.float64)


class SmoothField(nn.Module):
    """A field without kinks: the gradient of a rectified one is discontinuous along the way, and converges slowly."""

    def __init__(self) -> None:
        super().__init__()
        self.into = nn.Linear(5, 8).double()
        self.out = nn.Linear(8, 4).double()

    def forward(self, t: Tensor | float, y: Tensor) -> Tensor:
        result: Tensor = self.out(torch.tanh(self.into(torch.cat((torch.ones_like(y[:, :1]) * t, y), dim=1))))
        return result


def smooth_field_and_state() -> tuple[SmoothField, Tensor]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        return SmoothField(), torch.randn(3, 4, dtype=torch.float64)


def weighted_sum(states: Tensor) -> Tensor:
    return (states * torch.linspace(-1, 1, states.numel(), dtype=states.dtype).reshape(states.shape)).sum()


def all_gradients(field: nn.Module, state: Tensor, gradient: Gradient, tolerance: float) -> Tensor:
    """Return the gradient with respect to the state and then every parameter, as one vector."""
    state = state.clone().requires_grad_()
    block = ODEBlock(field, rtol=tolerance, atol=tolerance, gradient=gradient)
    found = torch.autograd.grad(weighted_sum(block(state)), (state, *field.parameters()))
    return torch.cat([each.flatten() for each in found])


def test_time_convolution_is_a_convolution_of_the_state_with_the_time_as_first_channel() -> None:
    layer = TimeConvolution(CHANNELS)
    x = torch.randn(3, CHANNELS, 6, 7)
    time = torch.full((3, 1, 6, 7), 0.7)
    torch.testing.assert_close(layer(torch.tensor(0.7), x), layer.conv(torch.cat((time, x), dim=1)))


def test_field_depends_on_time_also_at_the_edges_alone() -> None:
    field, state = field_and_state()
    change = field(torch.tensor(1.0), state) - field(torch.tensor(0.0), state)
    assert change.abs().max() > 0.01


def test_gradient_with_respect_to_time_matches_finite_differences() -> None:
    field, state = field_and_state()
    t = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda time: field(time, state), (t,))


def test_one_euler_step_is_a_residual_block_with_the_same_field() -> None:
    field, state = field_and_state()
    block = ODEBlock(field, method="euler", gradient="direct")
    torch.testing.assert_close(block(state), state + field(0.0, state), rtol=0, atol=1e-14)
    assert (block.nfe_forward, block.nfe_backward) == (1, 0)


def test_deep_residual_limit_approaches_the_ode_block_with_first_order() -> None:
    field, state = field_and_state()
    exact = ODEBlock(field, rtol=1e-9, atol=1e-9, gradient="direct")(state).detach()

    def error(layers: int) -> float:
        y = state
        with torch.no_grad():
            for layer in range(layers):
                y = y + field(layer / layers, y) / layers
        return float((y - exact).norm() / exact.norm())

    # A rectified field is only piecewise smooth, so the ratio for doubled depth is near 2 and not exactly 2.
    assert error(512) < 2e-3
    assert error(256) / error(512) == pytest.approx(2, rel=0.15)


@pytest.mark.parametrize("gradient", ["direct", "adjoint"])
def test_gradient_matches_finite_differences_for_a_smooth_field(gradient: Gradient) -> None:
    field, state = smooth_field_and_state()
    found = all_gradients(field, state, gradient, 1e-10)
    exact = ODEBlock(field, rtol=1e-12, atol=1e-12, gradient="direct")
    vectors = (state, *(parameter.detach() for parameter in field.parameters()))
    direction = torch.randn(len(found), dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    parts = direction.split([vector.numel() for vector in vectors])

    @torch.no_grad()
    def loss(distance: float) -> float:
        before = [vector.clone() for vector in vectors]
        for vector, part in zip(vectors, parts, strict=True):
            vector.add_(part.reshape(vector.shape), alpha=distance)
        value = float(weighted_sum(exact(state)))
        for vector, original in zip(vectors, before, strict=True):
            vector.copy_(original)
        return value

    h = 1e-3  # fourth-order central difference: truncation and rounding are both near 1e-10
    slope = (8 * (loss(h) - loss(-h)) - (loss(2 * h) - loss(-2 * h))) / (12 * h)
    assert float(found @ direction) == pytest.approx(slope, rel=1e-7)


def test_adjoint_and_direct_gradients_agree_for_a_smooth_field() -> None:
    field, state = smooth_field_and_state()
    adjoint, direct = (all_gradients(field, state, gradient, 1e-10) for gradient in get_args(Gradient))
    assert (adjoint - direct).norm() <= 1e-8 * direct.norm()


def test_adjoint_and_direct_gradients_of_the_rectified_field_approach_each_other() -> None:
    field, state = field_and_state()
    differences = []
    for tolerance in (1e-2, 1e-6):
        adjoint, direct = (all_gradients(field, state, gradient, tolerance) for gradient in get_args(Gradient))
        differences.append(float((adjoint - direct).norm() / direct.norm()))
    assert differences[1] < 0.01
    assert differences[1] < differences[0] / 5


@pytest.mark.parametrize("gradient", ["direct", "adjoint"])
def test_forward_and_backward_evaluations_are_counted_apart(gradient: Gradient) -> None:
    field, state = field_and_state()
    calls = 0

    def count(*arguments: object) -> None:
        nonlocal calls
        calls += 1

    field.register_forward_hook(count)
    block = ODEBlock(field, rtol=1e-3, atol=1e-3, gradient=gradient)
    result = block(state)
    forward = calls
    assert (block.nfe_forward, block.nfe_backward) == (forward, 0)
    result.sum().backward()
    assert (block.nfe_forward, block.nfe_backward) == (forward, calls - forward)
    assert (block.nfe_backward > 0) == (gradient == "adjoint")
    block.reset_counts()
    assert (block.nfe_forward, block.nfe_backward) == (0, 0)


def test_step_size_of_the_options_makes_a_chain_of_euler_steps() -> None:
    field, state = field_and_state()
    block = ODEBlock(field, method="euler", gradient="direct", options={"step_size": 0.5})
    half = state + field(0.0, state) / 2
    torch.testing.assert_close(block(state), half + field(0.5, half) / 2, rtol=0, atol=1e-13)
    assert block.nfe_forward == 2


def test_another_method_holds_inside_its_block_alone_even_when_it_fails() -> None:
    field, state = field_and_state()
    block = ODEBlock(field, rtol=1e-9, atol=1e-9, gradient="direct")
    with torch.no_grad():
        fine = block(state)
        with block.solved_by("euler", rtol=1e-3, atol=1e-3, options={"step_size": 0.25}):
            coarse = block(state)
        with pytest.raises(ValueError, match="unknown method 'magic'"), block.solved_by("magic", rtol=1, atol=1):
            block(state)
        torch.testing.assert_close(block(state), fine, rtol=0, atol=0)
    assert 1e-4 < (coarse - fine).norm() / fine.norm() < 0.5
    assert (block.method, block.rtol, block.atol, block.options) == ("dopri5", 1e-9, 1e-9, None)


@pytest.mark.parametrize(
    ("method", "options"), [("vode_adams", None), ("implicit_adams", {"step_size": 0.02, "max_iters": 20})]
)
def test_adjoint_gradient_of_adams_methods_is_that_of_direct_backpropagation(
    method: str, options: dict[str, float] | None
) -> None:
    field, state = smooth_field_and_state()
    exact = all_gradients(field, state, "direct", 1e-10)
    state = state.clone().requires_grad_()
    block = ODEBlock(field, method=method, rtol=1e-9, atol=1e-9, gradient="adjoint", options=options)
    found = torch.autograd.grad(weighted_sum(block(state)), (state, *field.parameters()))
    ours = torch.cat([each.flatten() for each in found])
    assert (ours - exact).norm() <= 1e-6 * exact.norm()
    assert block.nfe_backward > 0


def test_smaller_tolerance_takes_more_evaluations() -> None:
    field, state = field_and_state()
    block = ODEBlock(field, gradient="direct")
    counts = []
    for tolerance in (1e-2, 1e-5, 1e-8):
        block.rtol = block.atol = tolerance
        block.reset_counts()
        block(state)
        counts.append(block.nfe_forward)
    assert counts == sorted(set(counts))


def test_unknown_gradient_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown gradient 'magic'; the ways are direct, adjoint"):
        ODEBlock(ConvolutionalField(CHANNELS), gradient="magic")  # type: ignore[arg-type]
