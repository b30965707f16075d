"""Forward passes of a network under autocast, and nothing else of a training step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


@contextmanager
def forward_in_autocast(model: nn.Module, dtype: torch.dtype) -> Iterator[None]:
    """Run every forward pass of a network under autocast inside the block; its result is in float32 again.

    The backward pass, the loss and the optimiser are outside of autocast, as torch advises: a backward operation has
    the precision of its forward one, and a loss of scores in bfloat16 would be rounded to eight bits.

    Args:
        model: A network of one tensor to one tensor, wherever its parameters are.
        dtype: What convolutions and matrix products are lowered to.
    """
    before, forward = vars(model).get("forward"), model.forward

    def lowered(inputs: Tensor) -> Tensor:
        # The cache of lowered weights would break gradients, as AutocastField says, and forbids CUDA graphs.
        with torch.autocast(inputs.device.type, dtype=dtype, cache_enabled=False):
            result: Tensor = forward(inputs)
        return result.float()

    vars(model)["forward"] = lowered
    try:
        yield
    finally:
        if before is None:
            del vars(model)["forward"]
        else:
            vars(model)["forward"] = before
