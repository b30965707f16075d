"""What a CUDA device may round the operands of float32 matrix products and convolutions to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def products_in(*, tf32: bool) -> Iterator[None]:
    """Let a CUDA device round the operands of float32 products to TF32's ten bits inside the block, or forbid it.

    Left alone, torch forbids it for matrix products and allows it for convolutions, so that a convolutional field has a
    relative error of about 4e-4 where another has one of 1e-7. The switches are those of the process and are put back
    at the end of the block. A CPU is not asked: its products stay as they are.

    Args:
        tf32: Whether operands may be rounded.
    """
    before = tf32_is_allowed()
    _allow(matmul=tf32, convolution=tf32)
    try:
        yield
    finally:
        matmul, convolution = before
        _allow(matmul=matmul, convolution=convolution)


def tf32_is_allowed() -> tuple[bool, bool]:
    """Say whether matrix products, and whether convolutions, on a CUDA device may round their operands to TF32."""
    if hasattr(torch.backends.cuda.matmul, "fp32_precision"):
        # From torch 2.9 on; reading the older switches raises once somebody has set one of these.
        convolution = torch.backends.cudnn.conv.fp32_precision  # type: ignore[attr-defined]  # set as an object, later
        return torch.backends.cuda.matmul.fp32_precision == "tf32", convolution == "tf32"
    return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32


def _allow(*, matmul: bool, convolution: bool) -> None:
    # The older switches set the newer ones too. The newer leave the older behind, and torch then refuses to answer
    # these, which its own compiler and others' code read.
    torch.backends.cuda.matmul.allow_tf32 = matmul
    torch.backends.cudnn.allow_tf32 = convolution
