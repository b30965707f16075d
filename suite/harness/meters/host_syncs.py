"""Host synchronisations: operations whose result the host must wait for.

They are counted by what the operation is, so that a CPU run shows what a GPU would wait for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from suite.declarations import Reading

_aten = torch.ops.aten
_COPIES = frozenset({_aten._to_copy, _aten.copy_})
_INDEXING = frozenset({_aten.index, _aten.index_put, _aten.index_put_, _aten._index_put_impl_})
_WHOLE_TENSOR_READS = frozenset({Tensor.tolist, Tensor.numpy, Tensor.__array__})


@contextmanager
def host_syncs() -> Iterator[Reading]:
    """Count operations in the block that make the host wait for the device.

    Counted are reads of a value (``item``, ``bool``, ``float``, ``equal``, ``allclose``), results whose shape depends
    on values (``nonzero``, ``masked_select``, indexing with a mask), blocking copies between devices, and whole-tensor
    reads (``tolist``, ``numpy``), which on a CPU tensor reach no dispatcher.
    """
    reading = Reading()
    dispatched, called = _DispatchedSyncs(), _WholeTensorReads()
    with dispatched, called:
        yield reading
    reading.value = float(dispatched.count + called.count)


class _DispatchedSyncs(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        del types
        self.count += _waits(func, args, kwargs or {})
        return func(*args, **(kwargs or {}))


class _WholeTensorReads(TorchFunctionMode):
    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        del types
        # On another device the copy to the host is dispatched, and counted there.
        self.count += func in _WHOLE_TENSOR_READS and args[0].device.type == "cpu"
        return func(*args, **(kwargs or {}))


def _waits(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    operation = func.overloadpacket
    if operation in _COPIES:
        return _is_blocking_copy(func, args, kwargs)
    if operation in _INDEXING:
        return _is_masked(operation, args)
    return torch.Tag.data_dependent_output in func.tags or torch.Tag.dynamic_output_shape in func.tags


def _is_blocking_copy(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    named = {argument.name: value for argument, value in zip(func._schema.arguments, args, strict=False)} | dict(kwargs)
    target = named["src"].device if func.overloadpacket is _aten.copy_ else named.get("device")
    moves = target is not None and torch.device(target).type != named["self"].device.type
    return moves and not named.get("non_blocking", False)


def _is_masked(operation: Any, args: tuple[Any, ...]) -> bool:
    masked = any(index is not None and index.dtype in (torch.bool, torch.uint8) for index in args[1])
    # Writing one value through a mask is a masked fill, which asks nothing of the host.
    return masked and (operation is _aten.index or args[2].numel() > 1)
