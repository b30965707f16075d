"""A recorder whose recordings are the work itself: for compiled functions, whose operations no dispatch mode sees."""

from __future__ import annotations

from torch import Tensor

from suite.solvers.graphs.recorder import Work


class RepeatingRecorder:
    """Calls the work again where a recording would be replayed.

    Attributes:
        captures: Recordings.
    """

    def __init__(self) -> None:
        self.captures = 0

    def warm_up(self, work: Work) -> tuple[Tensor, ...]:
        return work()

    def rehearse(self, work: Work) -> tuple[Tensor, ...]:
        return work()

    def capture(self, work: Work) -> Work:
        self.captures += 1
        return work
