"""The weighted sums of stage derivatives of a step, all of them at once."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from suite.solvers.order_conditions import Array
from suite.solvers.tableau import ButcherTableau


class StageSums:
    """Sums of stage derivatives as these come: each is added to every sum of which it is a term, in one call.

    What each stage adds to the state, per unit of step size, fills one row of a ``[rows, *state]`` tensor that no field
    sees; the last rows belong to the end of the step, where it is no stage, and to the local error, where there is one.
    The views that a step needs are made once.

    Args:
        tableau: The method.
        like: A state.
        sized: Whether the sums are of steps whose size :meth:`resize` gives, rather than per unit of step size.

    Attributes:
        moves: From the state at the start to that of each stage but the first, and to the end.
        additions: For each stage but the first, the rows that its derivative is added to, and its weights there.
        error: The local error.
    """

    def __init__(self, tableau: ButcherTableau, like: Tensor, *, sized: bool = False) -> None:
        self._columns = _columns(tableau, like.dtype, like.device, like.ndim)
        if sized:
            self._weights = torch.cat([column.reshape(-1) for column in self._columns])
            self._sized = torch.empty_like(self._weights)
            pieces = self._sized.split([column.numel() for column in self._columns])
            self._columns = [piece.view_as(column) for piece, column in zip(pieces, self._columns, strict=True)]
        self._sums = rows_like(like, self._columns[0].shape[0])
        rows = self._sums.unbind()
        tails = [self._sums[stage:] for stage in range(1, tableau.stages)]
        self.additions = list(zip(tails, self._columns[1:], strict=True))
        embedded = tableau.error_weights is not None
        self.moves = rows[:-1] if embedded else rows
        self.error = rows[-1] if embedded else None

    def resize(self, size: Tensor) -> None:
        """Give the signed step size, 0-dimensional and in the dtype of the state, on its device."""
        torch.mul(self._weights, size, out=self._sized)

    def begin(self, slope: Tensor) -> None:
        """Begin with the derivative of the first stage."""
        torch.mul(self._columns[0], slope, out=self._sums)


def rows_like(like: Tensor, count: int) -> Tensor:
    """Return an empty tensor of so many rows, each in the memory layout of a state.

    Additions of different layouts take several times as long.
    """
    strides = (like if like.is_contiguous() else torch.empty_like(like)).stride()
    return torch.empty_strided((count, *like.shape), (like.numel(), *strides), dtype=like.dtype, device=like.device)


def weights_of_sums(tableau: ButcherTableau) -> Array:
    """Return the weights of the stages in all sums of a step, shape ``[sums, stages]``.

    They are those of every stage but the first, of the end, where it is no stage, and of the error, where there is one.
    """
    rows = [*tableau.coefficients[1:]]
    if not tableau.first_same_as_last:
        rows.append(tableau.weights)
    if tableau.error_weights is not None:
        rows.append(tableau.error_weights)
    return np.array(rows)


@lru_cache(maxsize=64)
def _columns(tableau: ButcherTableau, dtype: torch.dtype, device: torch.device, ndim: int) -> list[Tensor]:
    """Return the weights of every stage in the sums that it can be a term of: from its own row on."""
    # Made outside any inference mode that happens to be on, since they are kept for solves that train.
    with torch.inference_mode(False):
        matrix = torch.as_tensor(weights_of_sums(tableau), dtype=dtype, device=device)
        columns = [matrix[stage:, stage].clone() for stage in range(tableau.stages)]
        return [column.view(-1, *(1,) * ndim) for column in columns]
