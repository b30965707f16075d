"""Bytes of the tensors that live, whoever holds them: autograd, a context, or an attribute in Python."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveTensors(TorchDispatchMode):
    """Follows every storage that an operation makes, from its making to its end.

    A storage counts once and whole, as one view keeps all of it alive. What lived before is not counted, and neither is
    what an operation allocates and frees within itself.

    Attributes:
        bytes: Bytes of the storages made since :meth:`reset` that live now.
        peak: The most there ever were.
        allocations: How many storages were made.
    """

    def __init__(self) -> None:
        super().__init__()
        self._storages: dict[int, weakref.ref[torch.UntypedStorage]] = {}
        self.bytes = 0
        self.peak = 0
        self.allocations = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        del types
        named = kwargs or {}
        result = func(*args, **named)
        if not func.is_view:
            # An operation in place returns its argument, and a few return their argument's storage: those are not new.
            given = [id(each.untyped_storage()) for each in (*args, *named.values()) if isinstance(each, Tensor)]
            for made in tree_leaves(result):
                if isinstance(made, Tensor) and id(made.untyped_storage()) not in given:
                    self._follow(made.untyped_storage())
        return result

    def _follow(self, storage: torch.UntypedStorage) -> None:
        identity, size = id(storage), storage.nbytes()
        if identity in self._storages:
            return

        def ended(_: object) -> None:
            del self._storages[identity]
            self.bytes -= size

        self._storages[identity] = weakref.ref(storage, ended)
        self.allocations += 1
        self.bytes += size
        self.peak = max(self.peak, self.bytes)


@contextmanager
def live_tensors() -> Iterator[LiveTensors]:
    """Follow the tensors made in the block; the numbers go on being right after it as tensors end."""
    mode = LiveTensors()
    with mode:
        yield mode
