"""Counts of what a recording does, made whenever it is replayed and not while it is recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Action = Callable[[], None]
"""Reads or changes counts."""

_deferred: list[list[Action]] = []  # the innermost last; the backward pass of a recording runs in a thread of its own


@contextmanager
def deferring(actions: list[Action]) -> Iterator[None]:
    """Have whatever is to be done by :func:`once_counted` inside added to a list in place of being done."""
    _deferred.append(actions)
    try:
        yield
    finally:
        _deferred.pop()


def once_counted(action: Action) -> None:
    """Do something that reads or changes counts: now, or inside a recording after every replay, in its turn."""
    if _deferred:
        _deferred[-1].append(action)
    else:
        action()
