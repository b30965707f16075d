"""The steps of a fitting, which whoever asks for it may count, interrupt and resume."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from suite.declarations import Stateful


class FittingSteps(Protocol):
    """Counts the steps of a fitting; ``Meter.resumable_steps`` with a name given is one."""

    def __call__(self, count: int, /, **parts: Stateful | dict[Any, float]) -> Iterator[int]:
        """Yield numbers below ``count``: all of them, or those after a checkpoint, whose state the parts then have."""
        ...


def uninterrupted(count: int, /, **parts: Stateful | dict[Any, float]) -> Iterator[int]:
    """Yield 0 to ``count - 1``."""
    del parts
    yield from range(count)
