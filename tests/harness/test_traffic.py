"""Bytes and floating-point operations against numbers counted by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from suite.harness.meters.traffic import Traffic, traffic

F = 4  # bytes of a number
X, Y, ROW = torch.ones(5, 3), torch.ones(5, 3), torch.ones(3)
SQUARE = torch.ones(4, 4)
N = X.numel()


@pytest.mark.parametrize(
    ("call", "numbers"),
    [
        (lambda: X + Y, 3 * N),
        (lambda: X * X, 2 * N),  # one input, read once
        (X.tanh, 2 * N),
        (lambda: X + ROW, 2 * N + 3),
        (lambda: torch.add(ROW.expand(5, 3), X), 2 * N + 3),  # the row is read once, however often it is repeated
        (lambda: X.clone().add_(Y), 2 * N + 3 * N),
        (lambda: X.clone().copy_(Y), 2 * N + 2 * N),  # what is overwritten is not read
        (lambda: X.clone().zero_(), 2 * N + N),
        (lambda: torch.add(X, Y, out=torch.empty(5, 3)), 3 * N),
        (lambda: torch.stack([X, Y]), 4 * N),
        (X.sum, N + 1),
        (lambda: torch.zeros(5, 3), N),
        (lambda: torch.empty(5, 3), 0),
        (lambda: X.t().reshape(3, 5).unsqueeze(0)[0, 1:], 0),
        (lambda: SQUARE.t().reshape(16), 32),  # a reshape that has to copy
        (lambda: X.sum().item(), N + 1),
    ],
)
def test_bytes_are_those_that_every_operation_reads_and_writes(call: Callable[[], object], numbers: int) -> None:
    with traffic() as found:
        call()
    assert found.bytes == numbers * F


def test_a_small_number_type_moves_fewer_bytes() -> None:
    x = X.half()
    with traffic() as found:
        assert x.neg().dtype == torch.float16
    assert (found.bytes, found.largest) == (2 * N * 2, N * 2)


def test_operations_are_two_for_each_multiply_accumulate() -> None:
    """[5, 3] x [3, 4], and 6 x 6 outputs of 3 channels from 2 channels through 3 x 3 weights."""
    with traffic() as found:
        X @ torch.ones(3, 4)
        nn.Conv2d(2, 3, 3)(torch.randn(1, 2, 8, 8))
    assert found.flops == 2 * (5 * 3 * 4 + 6 * 6 * 3 * 2 * 9)


def test_a_perceptron_forwards() -> None:
    """A layer reads bias, weights and states and writes its outputs; tanh reads and writes these."""
    batch, width = 7, 6
    net, x = nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, 2)), torch.randn(batch, 2)
    with traffic() as found, torch.no_grad():
        net(x)
    first = width + 2 * width + 2 * batch + width * batch
    last = 2 + 2 * width + width * batch + 2 * batch
    assert found.bytes == F * (first + 2 * width * batch + last)
    assert found.flops == 2 * batch * (2 * width + width * 2)
    assert found.largest == F * width * batch


def test_gradients_of_a_linear_layer_are_counted_where_its_input_is_a_leaf() -> None:
    """Three products of one size: the layer's own, and the gradients by its input and by its weights."""
    layer, x = nn.Linear(3, 4), X.clone().requires_grad_(True)
    with traffic() as found:
        torch.autograd.grad(layer(x), (x, *layer.parameters()), torch.ones(5, 4))
    assert found.flops == 3 * 2 * 5 * 3 * 4


def test_repetitions_and_sums() -> None:
    one, other = Traffic(10.0, 4.0, 8), Traffic(1.0, 2.0, 16)
    assert one.times(3) + other.times(2) == Traffic(32.0, 16.0, 16)
    assert one.times(3) + other.times(0) == Traffic(30.0, 12.0, 8)
