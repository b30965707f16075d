"""Output times of a batch whose samples keep their own time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from suite.solvers.errors import InvalidProblemError
from suite.solvers.per_sample.batch_layout import BatchLayout
from suite.solvers.times import check_times


@dataclass(frozen=True, eq=False)
class SampleTimes:
    """Output times in double precision, one column an output.

    Attributes:
        columns: The times, shape ``[outputs, batch, 1, ..., 1]``; autograd follows them where it followed the user's.
        direction: 1 for samples that go forwards in time, -1 backwards; a column.
    """

    columns: Tensor
    direction: Tensor

    @classmethod
    def of(cls, t: Tensor, layout: BatchLayout) -> SampleTimes:
        """Check output times of shape ``[outputs]``, for all samples, or ``[batch, outputs]``.

        Raises:
            InvalidProblemError: Unless every sample's times are finite, and strictly increasing or decreasing.
        """
        if isinstance(t, Tensor) and t.ndim == 2:
            _check_rows(t, layout.batch)
        else:
            check_times(t)
        rows = t.to(device=layout.device, dtype=torch.float64).expand(layout.batch, t.shape[-1])
        columns = rows.t().reshape((t.shape[-1], *layout.column))
        known = columns.detach()
        return cls(columns, torch.where(known[-1] >= known[0], 1.0, -1.0).to(torch.float64))

    @property
    def interior(self) -> Tensor:
        """The times between the first and the last, shape ``[outputs - 2, batch]``."""
        return self.columns[1:-1].flatten(1)


def _check_rows(t: Tensor, batch: int) -> None:
    if not t.is_floating_point() or t.shape[0] != batch or not t.shape[1]:
        raise InvalidProblemError(
            f"the output times t are a floating-point tensor of shape [outputs] or [{batch}, outputs], one row a "
            f"sample, not of shape {tuple(t.shape)} and {t.dtype}"
        )
    gaps = t.detach().to(torch.float64).diff(dim=1)
    usable = ((gaps > 0).all(dim=1) | (gaps < 0).all(dim=1)) & t.detach().isfinite().all(dim=1)
    wrong = [index for index, good in enumerate(usable.tolist()) if not good]
    if wrong:
        raise InvalidProblemError(
            "the output times t of every sample are finite, and strictly increasing or decreasing, "
            f"but those of sample {wrong[0]} are not"
        )
