"""The states of the stages of a step, all of them at once."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from suite.solvers.stage_sums import rows_like, weights_of_sums
from suite.solvers.tableau import ButcherTableau

_MOST_SIZES = 64  # a grid of equal steps has a few sizes, which differ by rounding

Additions = list[tuple[Tensor, Tensor]]


class StageStates:
    """States of the stages as the derivatives come: each is added to all later states in one call.

    For a method that has no embedded solution, whose steps need no sums of derivatives alone, and that does not
    evaluate the field at the end. The states fill the rows of one tensor that no field sees, that at the end the last.

    Args:
        tableau: The method.
        like: A state, in single or double precision.

    Attributes:
        all: The states after the first, shape ``[stages, *state]``.
        rows: Its rows.
        last: Weight of the last stage at the end.
    """

    def __init__(self, tableau: ButcherTableau, like: Tensor) -> None:
        self.all = rows_like(like, tableau.stages)
        self.rows = self.all.unbind()
        self.last = float(tableau.weights[-1])
        self._tails = [self.all[stage:] for stage in range(1, tableau.stages - 1)]
        self._weights = _weights(tableau, like.device)
        self._additions: dict[float, tuple[Tensor, Additions]] = {}

    def of_size(self, size: float) -> tuple[Tensor, Additions]:
        """Return the weights of the first stage, and, for all others but the last, rows to add to and weights there.

        Args:
            size: Signed size of the steps.
        """
        found = self._additions.get(size)
        if found is None:
            if len(self._additions) == _MOST_SIZES:
                self._additions.clear()
            # Rounded once, as the product of two numbers is that a single addition is given.
            weights = torch.mul(self._weights, size).to(self.all.dtype)
            first, *columns = weights.view(*weights.shape, *(1,) * (self.all.ndim - 1)).unbind()
            tails = enumerate(zip(self._tails, columns, strict=True), start=1)
            found = self._additions[size] = (first, [(tail, column[stage:]) for stage, (tail, column) in tails])
        return found


@lru_cache(maxsize=64)
def _weights(tableau: ButcherTableau, device: torch.device) -> Tensor:
    """Return the weights of every stage but the last, shape ``[stages - 1, stages]``, in double precision."""
    # Made outside any inference mode that happens to be on, since they are kept for solves that train.
    with torch.inference_mode(False):
        return torch.as_tensor(weights_of_sums(tableau).T[:-1].copy(), dtype=torch.float64, device=device)
