"""A batch of steps of different sizes as one step of size 1."""

from __future__ import annotations

import torch
from torch import Tensor

from suite.solvers.runge_kutta import Field


class UnitStepField:
    """The field in the time that every sample measures in its own steps: ``dy/dtheta = h f(start + theta h, y)``.

    There, one Runge-Kutta step of size 1 for the batch is a step of every sample by its own size.

    Attributes:
        latest: What the vector field itself gave last.
    """

    def __init__(self, field: Field, start: Tensor, size: Tensor, latest: Tensor) -> None:
        self._field, self._start, self._size = field, start, size
        self._factor = size.to(latest.dtype)
        self.latest = latest

    def __call__(self, theta: Tensor, y: Tensor) -> Tensor:
        """Evaluate the field at a number of steps from the start."""
        self.latest = self._field(torch.addcmul(self._start, self._size, theta), y)
        return self.scaled(self.latest)

    def scaled(self, slope: Tensor) -> Tensor:
        """Return a value of the vector field times the step size of its sample."""
        return slope * self._factor
