"""A step whose inside is a cubic."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from suite.solvers.runge_kutta import Field
from suite.solvers.stage_sum import Time, factor
from suite.solvers.times import clock_of


@dataclass(eq=False)
class HermiteStep:
    """A step whose inside is the cubic that joins the states and slopes at its ends.

    Attributes:
        start: Time at the start.
        size: Signed step size.
        y0: State at the start.
        y1: State at the end.
        f0: Field at the start; None until it is known.
        f1: Field at the end, likewise.
    """

    start: Time
    size: Time
    y0: Tensor
    y1: Tensor
    f0: Tensor | None = None
    f1: Tensor | None = None

    def complete(self, field: Field) -> None:
        """Evaluate the field at the ends where it is not known."""
        if self.f0 is None:
            self.f0 = field(self._clock(self.start), self.y0)
        if self.f1 is None:
            self.f1 = field(self._clock(self.start + self.size), self.y1)

    def interpolate(self, t: Time) -> Tensor:
        """Return the state at a time inside the step; its error is of order ``size ** 4``."""
        if self.f0 is None or self.f1 is None:
            raise TypeError("dense output needs a complete step")
        theta = factor((t - self.start) / self.size, self.y0)
        rest = 1 - theta
        slope = rest * self.f0 - theta * self.f1
        bend = (1 - 2 * theta) * (self.y1 - self.y0)
        state: Tensor = rest * self.y0 + theta * self.y1 + theta * rest * (factor(self.size, self.y0) * slope - bend)
        return state

    def _clock(self, time: Time) -> Tensor:
        return clock_of(time, self.y0.dtype.to_real(), self.y0.device)
