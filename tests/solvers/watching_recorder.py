"""A recorder for machines without a GPU, which looks at what would be recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from suite.harness.meters import host_syncs, operations
from suite.solvers.graphs.recorder import Work


class CopiesFromHost(TorchFunctionMode):
    """Notes calls that bring numbers of the host to a device, which cannot be captured."""

    _CALLS = (torch.tensor, torch.as_tensor, torch.asarray, torch.from_numpy, torch.Tensor.to)

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        from_host = func is not torch.Tensor.to or args[0].device.type == "cpu"
        if func in self._CALLS and from_host and result.device.type != "cpu":
            self.seen.append(func.__name__)
        return result


class WatchingRecorder:
    """Does the work on the meta device, where no value exists to be read, and counts what a GPU would be asked for.

    The rehearsal counts: the warm-up before it makes constants.

    Attributes:
        waits: Host synchronisations of each recording.
        copies: Calls that copy from the host, of each recording.
        launches: Operations of each recording, a proxy for kernels.
    """

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.copies: list[list[str]] = []
        self.launches: list[float] = []

    def warm_up(self, work: Work) -> tuple[Tensor, ...]:
        return work()

    def rehearse(self, work: Work) -> tuple[Tensor, ...]:
        copies = CopiesFromHost()
        with host_syncs() as waits, operations() as launches, copies:
            found = work()
        self.waits.append(waits.value)
        self.copies.append(copies.seen)
        self.launches.append(launches.value)
        return found

    def capture(self, work: Work) -> Work:
        return work

    def capture_loop(self, work: Work, goes_on: Tensor) -> Work:
        return work
