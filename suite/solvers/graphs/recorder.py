"""Recording work on a CUDA device once, to launch all of it at once later."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Protocol

import torch
from torch import Tensor

Work = Callable[[], tuple[Tensor, ...]]
"""Work on fixed tensors; what it returns is overwritten when it is done again."""


class NotCapturableError(RuntimeError):
    """The work cannot be recorded; the message says why."""


class GraphRecorder(Protocol):
    """Records work on the device of some tensors."""

    def warm_up(self, work: Work) -> tuple[Tensor, ...]:
        """Do the work once where it will be recorded, and return what it returns."""
        ...

    def rehearse(self, work: Work) -> tuple[Tensor, ...]:
        """Do as :meth:`warm_up`, with what a recording forbids forbidden.

        Raises:
            NotCapturableError: When the work waits for the host, where it was left off.
        """
        ...

    def capture(self, work: Work) -> Work:
        """Record the work without doing it, and return what does it.

        Raises:
            NotCapturableError: When it cannot be recorded.
        """
        ...

    def capture_loop(self, work: Work, goes_on: Tensor) -> Work:
        """Record the work, and return what does it again and again without the host, until a number is zero.

        Args:
            work: The work, which writes the number; it may be done once.
            goes_on: The number, double precision; it is looked at after the work, which is thus done at least once.

        Raises:
            NotCapturableError: When it cannot be recorded, or cannot be repeated by the device.
        """
        ...


class CudaRecorder:
    """Records CUDA graphs, all of one recorder in one pool of memory.

    Warm-ups and the recordings are on one stream of their own, so that whatever is made lazily is made there before a
    recording. In the rehearsal all that waits for the host raises, and who asks is told that a graph is being recorded:
    a failed rehearsal leaves nothing behind, while a failed recording may leave the device's random generator unusable.

    What one graph returns may be overwritten when another of the same recorder is replayed.
    """

    def __init__(self, device: torch.device) -> None:
        """Take a stream and a pool of a device."""
        self._device = device
        self._stream = torch.cuda.Stream(device)
        self._pool = torch.cuda.graph_pool_handle()

    def warm_up(self, work: Work) -> tuple[Tensor, ...]:
        """Do the work once on the stream; see :class:`GraphRecorder`."""
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        try:
            with torch.cuda.stream(self._stream):
                return work()
        finally:
            current.wait_stream(self._stream)

    def rehearse(self, work: Work) -> tuple[Tensor, ...]:
        """Do the work once under the rules of a recording; see :class:`GraphRecorder`."""
        try:
            with _as_if_recording(self):
                return self.warm_up(work)
        except RuntimeError as error:
            if "synchronizing CUDA operation" not in str(error):
                raise
            raise NotCapturableError("a step waits for the host, which a CUDA graph cannot") from error

    def capture(self, work: Work) -> Work:
        """Record the work; see :class:`GraphRecorder`."""
        graph = torch.cuda.CUDAGraph()
        outputs = self._record(graph, work)

        def replay() -> tuple[Tensor, ...]:
            graph.replay()
            return outputs

        return replay

    def capture_loop(self, work: Work, goes_on: Tensor) -> Work:
        """Record the work in a loop; see :class:`GraphRecorder`."""
        from suite.solvers.graphs.device_loop import DeviceLoop, require_loops

        require_loops()
        seed = torch.cuda.get_rng_state(self._device)
        self.warm_up(work)
        if not torch.equal(torch.cuda.get_rng_state(self._device), seed):
            # The seed is handed to a graph by the host, when it is launched.
            raise NotCapturableError("a step draws random numbers, which would be the same in every step of a loop")
        graph = torch.cuda.CUDAGraph(keep_graph=True)
        outputs = self._record(graph, work)
        loop = DeviceLoop(graph, goes_on)

        def replay() -> tuple[Tensor, ...]:
            loop.launch()
            return outputs

        return replay

    def _record(self, graph: torch.cuda.CUDAGraph, work: Work) -> tuple[Tensor, ...]:
        """Record the work into a graph, and return what it returns."""
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        try:
            # Errors of this thread alone end the recording: another may be loading data.
            with (
                torch.cuda.device(self._device),
                torch.cuda.graph(graph, self._pool, self._stream, capture_error_mode="thread_local"),
            ):
                return work()
        except RuntimeError as error:
            raise NotCapturableError(f"CUDA does not record a step: {str(error).partition(chr(10))[0]}") from error
        finally:
            # A recording that fails at its end stays on its stream.
            torch.cuda.set_stream(current)


_rehearsals: list[CudaRecorder] = []  # under way; the backward pass of one runs in a thread of its own


def is_recording() -> bool:
    """Return whether a graph is being recorded or rehearsed here: nothing may wait for the device then."""
    return bool(_rehearsals) or (torch.cuda.is_available() and torch.cuda.is_current_stream_capturing())


@contextmanager
def _as_if_recording(recorder: CudaRecorder) -> Iterator[None]:
    mode = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Synchronization debug mode", category=UserWarning)
        torch.cuda.set_sync_debug_mode("error")
    _rehearsals.append(recorder)
    try:
        yield
    finally:
        _rehearsals.remove(recorder)
        torch.cuda.set_sync_debug_mode(mode)


@cache
def _cuda_recorder(device: torch.device) -> CudaRecorder:
    return CudaRecorder(device)


def recorder_for(device: torch.device) -> GraphRecorder | None:
    """Return what records solves on a device, None where nothing does."""
    return _cuda_recorder(device) if device.type == "cuda" else None


def recorded(recorder: GraphRecorder, work: Callable[[], None], goes_on: Tensor | None = None) -> Callable[[], None]:
    """Do some work a few times, record it, and return what does it again.

    Args:
        recorder: Records it.
        work: Reads and writes tensors that stay where they are, and returns nothing that lives in the recording.
        goes_on: Written by the work: it is done again on the device until this is zero. None to do it once.

    Raises:
        NotCapturableError: When it cannot be recorded.
    """

    def returning_nothing() -> tuple[Tensor, ...]:
        work()
        return ()

    recorder.warm_up(returning_nothing)
    recorder.rehearse(returning_nothing)
    if goes_on is None:
        replay = recorder.capture(returning_nothing)
    else:
        replay = recorder.capture_loop(returning_nothing, goes_on)

    def again() -> None:
        replay()

    return again
