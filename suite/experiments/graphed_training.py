"""Training through CUDA graphs, for networks whose forward pass launches the same kernels every time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


@contextmanager
def forward_and_backward_as_graphs(model: nn.Module, inputs: Tensor) -> Iterator[None]:
    """Replay the forward and the backward pass of a training model as one CUDA graph each, inside the block.

    A small network is limited by launches, not by arithmetic, and a replayed graph is one launch. The kernels are those
    of the eager passes, so are their results. Without CUDA, and for a model in evaluation mode, nothing changes.

    Args:
        model: A network of fixed shapes in training mode, whose passes never wait for the host: no adaptive solve.
        inputs: An example of its input; inside the block every input in training mode has its shape.
    """
    if inputs.device.type != "cuda":
        yield
        return
    before = vars(model).get("forward")  # as it is under autocast
    torch.cuda.make_graphed_callables(model, (inputs,))
    try:
        yield
    finally:
        # The graphed function is an attribute of the instance; the class's forward is underneath.
        if before is None:
            del vars(model)["forward"]
        else:
            vars(model)["forward"] = before
