"""The buffer that holds the stage derivatives of a step."""

from __future__ import annotations

from torch import Tensor


class StageBuffer:
    """The stage derivatives of a step in one ``[stages, *state]`` tensor, with the views that a step needs made once.

    Attributes:
        stages: The buffer.
        rows: Its rows, each of the state's shape.
        whole: For every count ``i``, the first ``i`` stages, shape ``[n, i]``.
        before: The same, restricted to the entries that the field reads.
    """

    def __init__(self, count: int, like: Tensor, read: int | None) -> None:
        self.stages = like.new_empty(count, *like.shape)
        self.rows = self.stages.unbind()
        flat = self.stages.view(count, like.numel())
        self.whole = [flat[:i].t() for i in range(count + 1)]
        self.before = self.whole if read is None else [view[:read] for view in self.whole]
