"""Wall time, with the device's queue drained at both ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from suite.declarations import Reading


def synchronise(device: torch.device) -> None:
    """Wait until the device has done everything it was asked to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@contextmanager
def wall_time(device: torch.device) -> Iterator[Reading]:
    """Measure seconds of wall time of the block; not-a-number when the block raises."""
    reading = Reading()
    synchronise(device)
    start = time.perf_counter()
    yield reading
    synchronise(device)
    reading.value = time.perf_counter() - start


def best_of(call: Callable[[], object], device: torch.device, *, warm_up: int, repeats: int) -> float:
    """Return the shortest of several timed calls, in seconds: the one least disturbed by the rest of the machine.

    Args:
        call: What to time; its result is dropped.
        device: Where it works.
        warm_up: Calls before the first timed one, for caches, lazy initialisation and autotuning.
        repeats: Timed calls.

    Raises:
        ValueError: When ``repeats`` is less than 1 or ``warm_up`` is negative.
    """
    if repeats < 1 or warm_up < 0:
        raise ValueError(f"best_of needs repeats >= 1 and warm_up >= 0, not {repeats} and {warm_up}")
    for _ in range(warm_up):
        call()
    samples = []
    for _ in range(repeats):
        with wall_time(device) as reading:
            call()
        samples.append(reading.value)
    return min(samples)
