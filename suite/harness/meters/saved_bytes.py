"""Bytes that autograd keeps for the backward pass, on any device, through saved-tensor hooks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from suite.declarations import Reading


@contextmanager
def saved_bytes(excluded: Iterable[Tensor] = ()) -> Iterator[Reading]:
    """Measure the most bytes that autograd holds at once for backward passes of graphs recorded in the block.

    A storage counts once and whole, however many nodes save it or views of it, because one view keeps all of it
    alive; it stops counting when the graph lets go of it. Around a forward pass alone this is what the graph keeps.
    Storages of ``nn.Parameter`` are left out, as they live whether or not a graph does. What a custom function stores
    elsewhere than in ``save_for_backward`` is not seen.

    Args:
        excluded: Further tensors to leave out, such as buffers or a minibatch that outlives the graph.
    """
    ledger = _Ledger()
    for tensor in excluded:
        ledger.exclude(tensor)
    reading = Reading()
    with torch.autograd.graph.saved_tensors_hooks(ledger.pack, _unpack):
        yield reading
    reading.value = float(ledger.peak)


class _Saved:
    """One saved tensor. The graph alone holds it, so that its end tells the ledger when the graph lets go."""

    __slots__ = ("_ledger", "tensor")

    def __init__(self, tensor: Tensor, ledger: _Ledger) -> None:
        self.tensor = tensor
        self._ledger = ledger

    def __del__(self) -> None:
        self._ledger.release(self.tensor.untyped_storage())


def _unpack(saved: _Saved) -> Tensor:
    return saved.tensor


class _Ledger:
    """Which storages are saved now, how often, and the most bytes they ever had together."""

    def __init__(self) -> None:
        self._holders: Counter[int] = Counter()
        # Storages rather than addresses are kept, so that a freed parameter's address is not taken for its own.
        self._excluded: dict[int, torch.UntypedStorage] = {}
        self._live = 0
        self.peak = 0

    def exclude(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        address = storage.data_ptr()
        if address not in self._excluded:
            self._excluded[address] = storage
            if self._holders[address]:
                self._live -= storage.nbytes()

    def pack(self, tensor: Tensor) -> _Saved:
        if isinstance(tensor, nn.Parameter) or isinstance(tensor._base, nn.Parameter):
            self.exclude(tensor)
        storage = tensor.untyped_storage()
        address = storage.data_ptr()
        self._holders[address] += 1
        if self._holders[address] == 1 and address not in self._excluded:
            self._live += storage.nbytes()
            self.peak = max(self.peak, self._live)
        # Detached, because a node that saves its own output would otherwise be part of a reference cycle.
        return _Saved(tensor.detach(), self)

    def release(self, storage: torch.UntypedStorage) -> None:
        address = storage.data_ptr()
        self._holders[address] -= 1
        if self._holders[address] == 0:
            del self._holders[address]
            if address not in self._excluded:
                self._live -= storage.nbytes()
