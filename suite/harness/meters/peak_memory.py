"""Peak memory of a CUDA device, as torch's caching allocator counts it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from suite.declarations import Reading


@contextmanager
def peak_memory(device: torch.device) -> Iterator[Reading]:
    """Measure the most bytes allocated inside the block above the level at its entry.

    Not-a-number on a device without such a counter. The counter is the device's own, so blocks do not nest.
    """
    reading = Reading()
    if device.type != "cuda":
        yield reading
        return
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    yield reading
    torch.cuda.synchronize(device)
    reading.value = float(torch.cuda.max_memory_allocated(device) - before)
