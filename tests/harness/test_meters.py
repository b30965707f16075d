"""Meters against numbers counted by hand."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from suite.harness import meters

CPU = torch.device("cpu")
FLOAT = 4  # bytes


def test_wall_time_is_that_of_the_block() -> None:
    with meters.wall_time(CPU) as reading:
        time.sleep(0.02)
    assert 0.02 <= reading.value < 2


def test_best_of_warms_up_and_takes_the_shortest() -> None:
    pauses = iter([0.2, 0.05, 0.01, 0.05])
    assert 0.01 <= meters.best_of(lambda: time.sleep(next(pauses)), CPU, warm_up=1, repeats=3) < 0.05
    assert next(pauses, None) is None


@pytest.mark.parametrize(("warm_up", "repeats"), [(-1, 1), (0, 0)])
def test_best_of_refuses_counts_that_make_no_sense(warm_up: int, repeats: int) -> None:
    with pytest.raises(ValueError, match="repeats >= 1"):
        meters.best_of(lambda: None, CPU, warm_up=warm_up, repeats=repeats)


def test_peak_memory_is_not_a_number_without_a_counter() -> None:
    with meters.peak_memory(CPU) as reading:
        torch.ones(10)
    assert reading.value != reading.value


@pytest.mark.gpu
def test_peak_memory_sees_what_was_freed_inside_the_block() -> None:
    before = torch.ones(1024, 1024, device="cuda")
    with meters.peak_memory(torch.device("cuda")) as reading:
        torch.ones(1024, 1024, device="cuda")
        kept = torch.ones(1024, 1024, device="cuda")
    assert reading.value == 2**20 * FLOAT
    del before, kept


def test_saved_bytes_of_a_layer_and_its_nonlinearity() -> None:
    """The linear map saves its input [5, 3], tanh its output [5, 4], which the square saves again."""
    layer, x = nn.Linear(3, 4), torch.randn(5, 3)
    with meters.saved_bytes() as reading:
        loss = torch.tanh(layer(x)).square().sum()
    assert reading.value == (5 * 3 + 5 * 4) * FLOAT
    loss.backward()
    assert layer.weight.grad is not None


def test_saved_bytes_grow_with_depth_and_leave_out_parameters() -> None:
    """Depth n saves n inputs of [7, 6], one per layer, and n outputs of tanh, all but the last of which are inputs."""
    x = torch.randn(7, 6)
    for depth in (1, 4):
        layers = nn.Sequential(*(nn.Sequential(nn.Linear(6, 6), nn.Tanh()) for _ in range(depth)))
        with meters.saved_bytes() as reading:
            y = layers(x)
        assert reading.value == (depth + 1) * 7 * 6 * FLOAT
        del y


def test_a_view_keeps_its_whole_storage_and_counts_once() -> None:
    x = torch.randn(10, requires_grad=True)
    y = x * 1.0  # saves nothing of x
    with meters.saved_bytes() as reading:
        product = y[:2] * y[8:]
    assert reading.value == 10 * FLOAT
    assert product.requires_grad


def test_saved_bytes_without_gradients_are_none() -> None:
    with meters.saved_bytes() as reading, torch.no_grad():
        nn.Linear(3, 4)(torch.randn(5, 3))
    assert reading.value == 0


def test_saved_bytes_are_the_most_held_at_once() -> None:
    """Graphs that are freed one after another do not add up."""
    layer, x = nn.Linear(3, 4), torch.randn(5, 3)
    with meters.saved_bytes() as reading:
        for _ in range(3):
            torch.tanh(layer(x)).sum().backward()
    assert reading.value == (5 * 3 + 5 * 4) * FLOAT


def test_excluded_tensors_are_left_out() -> None:
    layer, x = nn.Linear(3, 4), torch.randn(5, 3)
    with meters.saved_bytes(excluded=[x]) as reading:
        y = torch.tanh(layer(x))
    assert reading.value == 5 * 4 * FLOAT
    assert y.requires_grad


def test_gradients_of_gradients_are_the_same_under_the_meter() -> None:
    def second_derivative() -> Tensor:
        a = torch.linspace(-1, 1, 5, dtype=torch.float64, requires_grad=True)
        (first,) = torch.autograd.grad(torch.sigmoid(a).exp().sum(), a, create_graph=True)
        return torch.autograd.grad(first.sum(), a)[0]

    with meters.saved_bytes():
        metered = second_derivative()
    assert torch.equal(metered, second_derivative())


def test_macs_of_a_linear_map_and_a_convolution() -> None:
    """[5, 3] x [3, 4], and 6 x 6 outputs of 3 channels from 2 channels through 3 x 3 weights."""
    with meters.macs() as reading:
        nn.Linear(3, 4)(torch.randn(5, 3))
        nn.Conv2d(2, 3, 3)(torch.randn(1, 2, 8, 8))
    assert reading.value == 5 * 3 * 4 + 6 * 6 * 3 * 2 * 9


def test_macs_of_a_backward_pass() -> None:
    """The gradient with respect to the weights costs as much as the forward product; the input needs none."""
    layer = nn.Linear(3, 4)
    with meters.macs() as reading:
        layer(torch.randn(5, 3)).sum().backward()
    assert reading.value == 2 * 5 * 3 * 4


X = torch.arange(4.0)
MASK = X > 1


@pytest.mark.parametrize(
    ("call", "count"),
    [
        (lambda: X.sum().item(), 1),
        (lambda: bool(X[0] > 0), 1),
        (lambda: float(X[1]) + int(X[2]), 2),
        (lambda: torch.equal(X, X), 1),
        (lambda: torch.allclose(X, X), 1),
        (X.nonzero, 1),
        (lambda: X[MASK], 1),
        (lambda: X.masked_select(MASK), 1),
        (lambda: X.clone().index_put_((MASK,), torch.ones(2)), 1),
        (X.tolist, 1),
        (X.numpy, 1),
        (lambda: np.asarray(X), 1),
        (lambda: X.clone().index_put_((MASK,), torch.tensor(1.0)), 0),
        (lambda: X[torch.tensor([0, 2])], 0),
        (lambda: torch.where(MASK, X, -X), 0),
        (lambda: X.to(torch.float64) + 1, 0),
        (lambda: X.size(0) + X.dim(), 0),
    ],
)
def test_host_syncs_are_counted_by_what_the_host_reads(call: Callable[[], object], count: int) -> None:
    with meters.host_syncs() as reading:
        call()
    assert reading.value == count


def test_host_syncs_are_counted_in_a_backward_pass() -> None:
    class Reads(torch.autograd.Function):
        @staticmethod
        def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor) -> Tensor:
            return x.clone()

        @staticmethod
        def backward(ctx: torch.autograd.function.FunctionCtx, *gradients: Tensor) -> Tensor:
            return gradients[0] * gradients[0].sum().item()

    x = torch.ones(3, requires_grad=True)
    with meters.host_syncs() as reading:
        Reads.apply(x).sum().backward()
    assert reading.value == 1


@pytest.mark.gpu
def test_host_syncs_on_a_gpu_are_blocking_copies_and_reads() -> None:
    x = X.cuda()
    pinned = torch.empty(4, pin_memory=True)
    with meters.host_syncs() as reading:
        pinned.copy_(x, non_blocking=True)
        x.cpu()
        x.sum().item()
        x.tolist()
    assert reading.value == 3


@pytest.mark.parametrize(
    ("call", "count"),
    [
        (lambda: X.view(2, 2).t().unsqueeze(0)[0].reshape(4, 1), 1),  # a transposed square is copied by reshape
        (lambda: X.view(2, 2).reshape(4).expand(3, 4).detach(), 0),
        (lambda: (X + 1) * 2, 2),
        (lambda: X.clone().add_(1).mul_(2), 3),
        (lambda: torch.addcmul(X, X, X, out=torch.empty(4)), 2),
        (X[1].item, 0),
    ],
)
def test_operations_are_counted_without_views(call: Callable[[], object], count: int) -> None:
    with meters.operations() as reading:
        call()
    assert reading.value == count


def test_operations_of_a_backward_pass_are_counted() -> None:
    """Forward: one product. Backward: the seed gradient and its product with the factor."""
    x = torch.ones((), requires_grad=True)
    with meters.operations() as reading:
        (x * 3.0).backward()
    assert reading.value == 3
