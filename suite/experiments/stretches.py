"""Iterations of a training in stretches, between two of which it is looked at or may be interrupted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Stretch:
    """Iterations ``first`` to ``end - 1`` of a training, without a look at it in between.

    Attributes:
        first: The first iteration.
        end: The one after the last.
        begins: The first iteration since the look before.
        looked_at: Whether the training is looked at after the last one.
    """

    first: int
    end: int
    begins: int
    looked_at: bool

    @property
    def iterations(self) -> range:
        """The iterations, counted from 0."""
        return range(self.first, self.end)

    @property
    def since(self) -> int:
        """Iterations since the look before, up to the end."""
        return self.end - self.begins


def stretches(looks: Iterable[int], longest: int) -> list[Stretch]:
    """Divide a training that is looked at after some numbers of iterations.

    Args:
        looks: Numbers of iterations after which the training is looked at, rising; the last is its length.
        longest: Iterations of a stretch at most.

    Raises:
        ValueError: When a stretch could have no iteration.
    """
    if longest < 1:
        raise ValueError(f"a stretch has 1 iteration at least, not {longest}")
    found: list[Stretch] = []
    begins = 0
    for look in looks:
        for first in range(begins, look, longest):
            end = min(first + longest, look)
            found.append(Stretch(first, end, begins, end == look))
        begins = look
    return found
