"""What records the launches of a function and replays them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Protocol

import torch

Work = Callable[[], None]
"""Reads and writes tensors that stay where they are; what else it makes belongs to the recording."""


class Recorder(Protocol):
    """Records work on one device."""

    def record(self, work: Work) -> Work:
        """Run some work once, and return what does the same again to the same tensors."""
        ...


class CudaRecorder:
    """Records CUDA graphs, which share one pool of memory.

    A graph leaves nothing in the pool that is read later than the next replay of any: results are copied out of it.

    Args:
        device: A CUDA device.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._pool = torch.cuda.graph_pool_handle()

    def record(self, work: Work) -> Work:
        """Run some work once on a stream of its own and capture it in a graph.

        Raises:
            RuntimeError: When it does what cannot be captured, such as reading from the device.
        """
        # Handles, workspaces and constants are made at the first run, which capturing forbids.
        stream = torch.cuda.Stream(self._device)
        stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(stream):
            work()
        torch.cuda.current_stream(self._device).wait_stream(stream)
        graph: Any = torch.cuda.CUDAGraph()
        # Errors of this thread alone end the capture: another may be loading data.
        with torch.cuda.device(self._device), torch.cuda.graph(graph, self._pool, capture_error_mode="thread_local"):
            work()
        replay: Work = graph.replay
        return replay


@cache
def _cuda_recorder(device: torch.device) -> CudaRecorder:
    return CudaRecorder(device)


def recorder_for(device: torch.device) -> Recorder | None:
    """Return what records on a device, None where nothing does."""
    return _cuda_recorder(device) if device.type == "cuda" else None


def is_recording() -> bool:
    """Return whether the present stream is being captured: nothing may wait for the device then."""
    return torch.cuda.is_available() and torch.cuda.is_current_stream_capturing()
