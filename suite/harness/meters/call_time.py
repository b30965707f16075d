"""What one call takes: for the host that waits for it, and for the device that does the work."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from suite.harness.meters.wall_time import synchronise

NOT_MEASURED = float("nan")


@dataclass(frozen=True)
class CallTime:
    """Both times of one call [s].

    Attributes:
        wall: From the call until the device is idle again: launches and waiting included, which is what a user waits.
            A solve of many small operations is bound by their launches, so this is the time to compare solves by.
        device: Between two CUDA events on the stream around the call: what the device spends from the first operation
            of the call to the last, gaps included in which it waits for the host. A graph that is replayed has none of
            these. Not-a-number on a CPU, whose wall time is all there is.
    """

    wall: float
    device: float


def call_time(run: Callable[[], object], device: torch.device) -> CallTime:
    """Time one call on a device that is idle, with one synchronisation after it.

    Args:
        run: What to time. It need not wait for the device; if it does, the wait is part of both times.
        device: Where it works.
    """
    if device.type != "cuda":
        start = time.perf_counter()
        run()
        return CallTime(time.perf_counter() - start, NOT_MEASURED)
    stream = torch.cuda.current_stream(device)
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    synchronise(device)
    start = time.perf_counter()
    begin.record(stream)
    run()
    end.record(stream)
    synchronise(device)
    return CallTime(time.perf_counter() - start, begin.elapsed_time(end) / 1000)
