"""Recorders for machines without a GPU: what is recorded is done again, or only looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from suite.harness.meters import host_syncs, operations

Work = Callable[[], None]


class RepeatingRecorder:
    """Replays by doing the work again: all but the capture itself is as on a GPU."""

    def __init__(self) -> None:
        self.recordings = 0

    def record(self, work: Work) -> Work:
        self.recordings += 1
        work()
        return work


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

    The second time counts: the first makes constants, as the warm-up before a capture does.

    Attributes:
        waits: Host synchronisations of each recording.
        copies: Calls that copy from the host, of each recording.
        launches: Operations of each recording, a proxy for kernels.
    """

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.copies: list[list[str]] = []
        self.launches: list[float] = []

    def record(self, work: Work) -> Work:
        work()
        copies = CopiesFromHost()
        with host_syncs() as waits, operations() as launches, copies:
            work()
        self.waits.append(waits.value)
        self.copies.append(copies.seen)
        self.launches.append(launches.value)
        return lambda: None
