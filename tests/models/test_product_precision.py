"""The switches of TF32: set inside the block, as they were after it, and answered by the older names."""

from __future__ import annotations

import pytest
import torch

from suite.harness.provenance import environment
from suite.models.product_precision import products_in


def allowed() -> tuple[bool, bool]:
    return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32


@pytest.mark.parametrize("tf32", [True, False])
def test_matrix_products_and_convolutions_are_switched_together_and_put_back(tf32: bool) -> None:
    before = allowed()
    with products_in(tf32=tf32):
        assert allowed() == (tf32, tf32)
        assert environment("cuda")["tf32"] is tf32
        with products_in(tf32=not tf32):
            assert allowed() == (not tf32, not tf32)
        assert allowed() == (tf32, tf32)
    assert allowed() == before


def test_the_switches_are_put_back_after_an_exception() -> None:
    before = allowed()
    with pytest.raises(FloatingPointError), products_in(tf32=True):
        raise FloatingPointError
    assert allowed() == before


def test_a_cpu_is_not_asked() -> None:
    generator = torch.Generator().manual_seed(0)
    one, other = (torch.randn(64, 64, generator=generator) for _ in range(2))
    plain = one @ other
    with products_in(tf32=True):
        assert torch.equal(one @ other, plain)


@pytest.mark.gpu
def test_a_convolution_on_the_device_is_rounded_when_told_and_only_then() -> None:
    generator = torch.Generator().manual_seed(0)
    images, weight = torch.randn(16, 64, 8, 8, generator=generator), torch.randn(64, 64, 3, 3, generator=generator)
    exact = torch.nn.functional.conv2d(images.double(), weight.double(), padding=1)

    def error(tf32: bool) -> float:
        with products_in(tf32=tf32):
            found = torch.nn.functional.conv2d(images.cuda(), weight.cuda(), padding=1)
        return float((found.cpu() - exact).norm() / exact.norm())

    assert error(False) < 1e-5
    assert 1e-4 < error(True) < 1e-3
