"""The vector field inside a step, for fields that jump at grid points."""

from __future__ import annotations

import torch
from torch import Tensor

from suite.solvers.runge_kutta import Field
from suite.solvers.stage_sum import Time


class PerturbedField:
    """A field that is evaluated just after the start and just before the end of a step, never on them.

    Whatever the method asks for: a time on or beyond an end of the step is moved to the nearest representable time
    inside it.

    Args:
        field: Vector field on the packed state.
        dtype: Dtype of the times that it sees, in which the nearest is meant.
    """

    def __init__(self, field: Field, dtype: torch.dtype) -> None:
        self._field, self._dtype = field, dtype
        self._ends = torch.zeros(2, dtype=dtype)

    def enter(self, start: Time, end: Time) -> None:
        """Say between which times the next evaluations lie."""
        with torch.no_grad():
            ends = torch.stack([torch.as_tensor(time, dtype=self._dtype) for time in (start, end)])
            self._ends = torch.nextafter(ends, ends.flip(0)).sort().values

    def __call__(self, t: Tensor, y: Tensor) -> Tensor:
        """Evaluate the field inside the step."""
        with torch.no_grad():
            moved = t.clamp(*self._ends.to(t.device)) - t
        return self._field(t + moved, y)  # a shift, so that autograd still follows the time
