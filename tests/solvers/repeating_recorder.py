"""A recorder whose recordings are the work itself: for compiled functions, whose operations no dispatch mode sees."""

from __future__ import annotations

from torch import Tensor
from torch._inductor import metrics

from suite.solvers.graphs.recorder import Work


class RepeatingRecorder:
    """Calls the work again where a recording would be replayed.

    Attributes:
        captures: Recordings.
        kernels: How many kernels the compiler generated in each warm-up.
    """

    def __init__(self) -> None:
        self.captures = 0
        self.kernels: list[int] = []

    def warm_up(self, work: Work) -> tuple[Tensor, ...]:
        before = metrics.generated_kernel_count
        found = work()
        self.kernels.append(metrics.generated_kernel_count - before)
        return found

    def rehearse(self, work: Work) -> tuple[Tensor, ...]:
        return work()

    def capture(self, work: Work) -> Work:
        self.captures += 1
        return work
