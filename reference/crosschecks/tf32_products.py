"""The convolutions and matrix products of TF32 on a machine that has none: operands rounded, sums in float32."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

_DROPPED = 13
"""Bits of float32's mantissa of 23 that TF32 has not."""


def to_tf32(values: Tensor) -> Tensor:
    """Return float32 values rounded to ten bits of mantissa, to nearest and from a tie away from zero.

    As the conversion of the tensor cores does (PTX ISA, ``cvt.rna.tf32.f32``). The sign is a bit of its own, so that
    adding half a unit to the other bits rounds either sign alike; a carry goes into the exponent, as it should.
    """
    bits = values.contiguous().view(torch.int32)
    return ((bits + (1 << (_DROPPED - 1))) & -(1 << _DROPPED)).view(torch.float32)


@contextmanager
def tf32_products() -> Iterator[None]:
    """Round both operands of every ``conv2d`` and ``linear`` inside the block, forwards and backwards."""
    with _Rounding():
        yield


class _Rounding(TorchFunctionMode):
    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        del types
        if func is functional.conv2d:
            return _convolved(*args, **(kwargs or {}))
        if func is functional.linear:
            return _multiplied(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def _convolved(
    images: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, ...] = 1,
    padding: int | tuple[int, ...] = 0,
    dilation: int | tuple[int, ...] = 1,
    groups: int = 1,
) -> Tensor:
    pairs = [[each, each] if isinstance(each, int) else list(each) for each in (stride, padding, dilation)]
    convolved: Tensor = _Convolution.apply(images, weight, bias, *pairs, groups)  # type: ignore[no-untyped-call]
    return convolved


def _multiplied(vectors: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    product: Tensor = _Product.apply(vectors, weight, bias)  # type: ignore[no-untyped-call]
    return product


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, weight: Tensor, bias: Tensor | None, *geometry: Any) -> Tensor:
        rounded = to_tf32(images), to_tf32(weight)
        ctx.save_for_backward(*rounded)
        ctx.geometry, ctx.biased = geometry, bias is not None
        return functional.conv2d(*rounded, bias, *geometry)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        (cotangent,) = cotangents
        images, weight = ctx.saved_tensors
        stride, padding, dilation, groups = ctx.geometry
        of_images, of_weight, _ = torch.ops.aten.convolution_backward(
            to_tf32(cotangent), images, weight, None, stride, padding, dilation, False, [0, 0], groups,
            [ctx.needs_input_grad[0], ctx.needs_input_grad[1], False],
        )  # fmt: skip
        # A sum and no product: no operand of it is rounded.
        of_bias = cotangent.sum((0, 2, 3)) if ctx.biased else None
        return of_images, of_weight, of_bias, None, None, None, None


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, vectors: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        rounded = to_tf32(vectors), to_tf32(weight)
        ctx.save_for_backward(*rounded)
        ctx.biased = bias is not None
        return functional.linear(*rounded, bias)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        (cotangent,) = cotangents
        vectors, weight = ctx.saved_tensors
        rounded = to_tf32(cotangent)
        of_bias = cotangent.flatten(0, -2).sum(0) if ctx.biased else None
        return rounded @ weight, rounded.flatten(0, -2).T @ vectors.flatten(0, -2), of_bias
