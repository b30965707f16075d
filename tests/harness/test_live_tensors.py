"""Live bytes are those of the storages that can still be reached, whoever holds them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from suite.harness.meters import saved_bytes
from suite.harness.meters.live_tensors import live_tensors


class HidingSquare(torch.autograd.Function):
    """``x -> x ** 2``, which hides a tensor in an attribute of its context."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.hidden = 2 * x
        return x * x

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        doubled: Tensor = ctx.hidden
        return gradient * doubled


def test_what_a_context_hides_from_autograd_is_counted() -> None:
    x = torch.randn(100, dtype=torch.float64, requires_grad=True)
    with saved_bytes() as saved, live_tensors() as live:
        y = HidingSquare.apply(x)
    assert saved.value == 0
    assert live.bytes == 2 * 100 * 8
    del y
    assert live.bytes == 0


def test_a_view_keeps_all_of_its_storage_and_an_operation_in_place_makes_none() -> None:
    x = torch.zeros(100, dtype=torch.float64)
    with live_tensors() as live:
        y = x + 1
        part = y[3:5]
        y.mul_(2)
        torch.add(x, x, out=y)
        x.add_(1)
    assert (live.bytes, live.allocations) == (800, 1)
    del y
    assert live.bytes == 800
    del part
    assert live.bytes == 0


def test_the_peak_counts_what_lives_at_once_in_both_passes() -> None:
    x = torch.randn(1000, dtype=torch.float64, requires_grad=True)
    with live_tensors() as live:
        for _ in range(5):
            y = x.exp()  # the graph keeps its result
            del y
        assert (live.bytes, live.peak) == (0, 8000)
        loss = x.exp().square().sum()
        # exp and square; the sum is one number more.
        assert live.peak == 16_008
        (gradient,) = torch.autograd.grad(loss, x)
        del loss
    assert live.bytes == gradient.numel() * 8
