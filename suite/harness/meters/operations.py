"""Tensor operations other than views: the work that launches kernels or allocates memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from suite.declarations import Reading

# A reshape that copies nothing, and a read by the host, which host_syncs counts.
_NO_WORK = frozenset({torch.ops.aten._unsafe_view, torch.ops.aten._local_scalar_dense})


@contextmanager
def operations() -> Iterator[Reading]:
    """Count dispatched tensor operations that are not views, on any device, backward passes included.

    Operations inside a replayed CUDA graph or a compiled kernel are not dispatched, and so not counted.
    """
    reading = Reading()
    counter = _OperationCounter()
    with counter:
        yield reading
    reading.value = float(counter.count)


class _OperationCounter(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        del types
        if not func.is_view and func.overloadpacket not in _NO_WORK:
            self.count += 1
        return func(*args, **(kwargs or {}))
