"""Multiply-accumulate operations, counted through torch's own flop counter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch.utils.flop_counter import FlopCounterMode

from suite.declarations import Reading


@contextmanager
def macs() -> Iterator[Reading]:
    """Count multiply-accumulate operations of the matrix products, convolutions and attention in the block.

    A backward pass in the block counts too. The flop counter takes a multiply-accumulate for two operations.
    """
    reading = Reading()
    counter = FlopCounterMode(display=False)
    with counter:
        yield reading
    reading.value = counter.get_total_flops() / 2
