"""Bytes that operations move and floating-point operations that they do: what a device's limits are set against."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

_aten = torch.ops.aten
# These start no kernel: memory without contents, a reshape that copies nothing, and a read by the host.
_NO_KERNEL = frozenset(
    {
        _aten.empty,
        _aten.empty_like,
        _aten.empty_strided,
        _aten.new_empty,
        _aten.new_empty_strided,
        _aten._unsafe_view,
        _aten._local_scalar_dense,
    }
)
# These write their first argument without reading it.
_OVERWRITING = frozenset({_aten.copy_, _aten.fill_, _aten.zero_, _aten.normal_, _aten.uniform_})


@dataclass
class Traffic:
    """What some operations move and do.

    Attributes:
        bytes: Read and written, of every operation by itself, as if each were one kernel without a cache between them.
        flops: Floating-point operations of matrix products and convolutions, a multiply-accumulate being two.
        largest: Bytes of the largest tensor among what was moved.
    """

    bytes: float = 0.0
    flops: float = 0.0
    largest: int = 0

    def __add__(self, other: Traffic) -> Traffic:
        return Traffic(self.bytes + other.bytes, self.flops + other.flops, max(self.largest, other.largest))

    def times(self, count: int) -> Traffic:
        """Return what so many repetitions move and do; none of them moves nothing."""
        return Traffic(count * self.bytes, count * self.flops, self.largest if count else 0)


@contextmanager
def traffic() -> Iterator[Traffic]:
    """Count what the operations in the block move and do, backward passes included.

    An operation reads each of its distinct inputs once and writes its results; an element that is repeated by broadcast
    is read once. Views move nothing. An operation that reads a part of an input, as indexing does, counts all of it,
    and one of several kernels counts as one. Operations inside a replayed CUDA graph or a compiled kernel are not seen.
    """
    counter = _Counter()
    with counter:
        yield counter.found


class _Counter(TorchDispatchMode):
    """Counts. It asks the formulas of torch's flop counter itself: that one cannot be used with ``autograd.grad``.

    torch 2.13's counter follows modules by hooks that raise where a module's input is a leaf of the graph.
    """

    def __init__(self) -> None:
        super().__init__()
        self.found = Traffic()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        del types
        named = kwargs or {}
        result = func(*args, **named)
        if not func.is_view and func.overloadpacket not in _NO_KERNEL:
            self._count_bytes(func, args, named, result)
        if func.overloadpacket in flop_registry:
            self.found.flops += flop_registry[func.overloadpacket](*args, **named, out_val=result)
        return result

    def _count_bytes(self, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any) -> None:
        given = {argument.name: argument for argument in func._schema.arguments}
        values = dict(zip(given, args, strict=False)) | dict(kwargs)
        read: dict[tuple[object, ...], int] = {}
        changed: dict[int, int] = {}
        for name, value in values.items():
            written = given[name].alias_info is not None and given[name].alias_info.is_write
            for tensor in _tensors(value):
                if written:
                    changed[id(tensor)] = _touched(tensor)
                if not (written and (given[name].is_out or func.overloadpacket in _OVERWRITING)):
                    read[tensor.data_ptr(), tensor.shape, tensor.stride()] = _touched(tensor)
        made = [_touched(tensor) for tensor in _tensors(result) if id(tensor) not in changed]
        moved = [*read.values(), *changed.values(), *made]
        self.found.bytes += sum(moved)
        self.found.largest = max(self.found.largest, *moved, 0)


def _tensors(value: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor)]


def _touched(tensor: Tensor) -> int:
    """Return the bytes of a tensor's elements, those at one place once."""
    count = tensor.element_size()
    for size, stride in zip(tensor.shape, tensor.stride(), strict=True):
        count *= min(size, 1) if stride == 0 else size
    return count
