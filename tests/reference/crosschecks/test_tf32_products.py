"""TF32 in software: the rounding of its operands, and the convolutions, products and gradients of rounded operands."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from reference.crosschecks.tf32_products import tf32_products, to_tf32
from suite.models import ConvolutionalField, ODEBlock


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_ten_bits_are_kept_to_nearest_and_ties_go_away_from_zero() -> None:
    unit = 2.0**-10
    values = torch.tensor([1.0, 1 + unit, 1 + 0.49 * unit, 1 + 0.5 * unit, -1 - 0.5 * unit, 1.75 * 2, 0.0, -0.0])
    rounded = torch.tensor([1.0, 1 + unit, 1.0, 1 + unit, -1 - unit, 3.5, 0.0, -0.0])
    assert torch.equal(to_tf32(values), rounded)
    # The carry goes into the exponent.
    assert float(to_tf32(torch.tensor(2 - 2.0**-13))) == 2.0
    assert float(to_tf32(torch.tensor(float("inf")))) == float("inf")


def test_relative_error_is_at_most_half_a_unit_and_2e_4_in_the_mean_square() -> None:
    values = random(100_000)
    relative = ((to_tf32(values).double() - values.double()) / values.double()).abs()
    assert float(relative.max()) <= 2.0**-11
    assert float(relative.square().mean().sqrt()) == pytest.approx(2.0e-4, rel=0.05)
    assert torch.equal(to_tf32(to_tf32(values)), to_tf32(values))


@pytest.mark.parametrize(
    "options",
    [{}, {"padding": 1}, {"stride": 2, "padding": (1, 0)}, {"padding": 2, "dilation": 2}, {"groups": 2}],
)
@pytest.mark.parametrize("biased", [True, False])
def test_a_convolution_and_its_gradients_are_those_of_rounded_operands(options: dict[str, Any], biased: bool) -> None:
    images = random(3, 4, 7, 7).requires_grad_(True)
    weight = random(6, 4 // options.get("groups", 1), 3, 3, seed=1).requires_grad_(True)
    bias = random(6, seed=2).requires_grad_(True) if biased else None
    with tf32_products():
        found = functional.conv2d(images, weight, bias, **options)
        cotangent = random(*found.shape, seed=3)
        found.backward(cotangent)
    rounded = [to_tf32(each.detach()).requires_grad_(True) for each in (images, weight)]
    plain = bias.detach().clone().requires_grad_(True) if bias is not None else None
    exact = functional.conv2d(rounded[0], rounded[1], plain, **options)
    assert torch.equal(found, exact)
    exact.backward(to_tf32(cotangent))
    for mine, true in zip((images, weight), rounded, strict=True):
        assert mine.grad is not None
        assert true.grad is not None
        torch.testing.assert_close(mine.grad, true.grad, rtol=1e-5, atol=1e-5)
    if bias is not None:
        assert bias.grad is not None
        torch.testing.assert_close(bias.grad, cotangent.sum((0, 2, 3)))  # a sum, not rounded


def test_a_matrix_product_and_its_gradients_are_those_of_rounded_operands() -> None:
    layer = nn.Linear(5, 3)
    vectors = random(2, 4, 5).requires_grad_(True)
    with tf32_products():
        found = layer(vectors)
        cotangent = random(2, 4, 3, seed=3)
        found.backward(cotangent)
    left, right, rounded = to_tf32(vectors.detach()), to_tf32(layer.weight.detach()), to_tf32(cotangent)
    torch.testing.assert_close(found.detach(), left @ right.T + layer.bias.detach())
    assert vectors.grad is not None
    assert layer.weight.grad is not None
    assert layer.bias.grad is not None
    torch.testing.assert_close(vectors.grad, rounded @ right)
    torch.testing.assert_close(layer.weight.grad, torch.einsum("bno,bni->oi", rounded, left))
    torch.testing.assert_close(layer.bias.grad, cotangent.sum((0, 1)))


def test_the_adjoint_evaluates_a_rounded_field_too_and_nothing_is_rounded_after_the_block() -> None:
    block = ODEBlock(ConvolutionalField(4), rtol=1e-3, atol=1e-3)
    start = random(2, 4, 4, 4)

    def gradient() -> Tensor:
        block.zero_grad()
        block(start).square().sum().backward()
        kernel = next(each for each in block.parameters() if each.dim() == 4)
        assert kernel.grad is not None
        return kernel.grad.clone()

    plain = gradient()
    with tf32_products():
        end = block(start)
    end.square().sum().backward()
    rounded_forwards = next(each for each in block.parameters() if each.dim() == 4).grad
    with tf32_products():
        both = gradient()
    assert rounded_forwards is not None
    assert not torch.equal(both, plain)
    assert not torch.equal(both, rounded_forwards)
    assert torch.equal(gradient(), plain)
