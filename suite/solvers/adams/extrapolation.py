"""One step of high order: the explicit midpoint rule, extrapolated.

Gragg's modified midpoint rule has an error in even powers of its substep; extrapolating ``k`` of its results leaves
order ``2 k`` (Hairer, Norsett and Wanner I, section II.9). No other one-step method is at hand for every order; it is
dear, and meant for the first steps of multistep methods.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from torch import Tensor

from suite.solvers.hermite_step import HermiteStep
from suite.solvers.runge_kutta import Field
from suite.solvers.stage_sum import Time


class ExtrapolatedMidpoint:
    """Takes steps of even order by extrapolation, with 2, 4, 6, ... substeps.

    Args:
        order: The order wanted; rounded up to an even one.
        clock: Makes of a time what the vector field sees.
    """

    def __init__(self, order: int, clock: Callable[[Time], Tensor]) -> None:
        self._substeps = [2 * index for index in range(1, (order + 1) // 2 + 1)]
        squares = [count**2 for count in self._substeps]
        self._weights = [prod(own / (own - other) for other in squares if other != own) for own in squares]
        self._clock = clock

    def step(self, field: Field, t: Time, h: Time, y: Tensor, f0: Tensor) -> HermiteStep:
        """Take one step from ``(t, y)`` over ``h``, where the field is ``f0``."""
        change = y.new_zeros(())
        for count, weight in zip(self._substeps, self._weights, strict=True):
            size = h / count
            before, now = y, y + size * f0
            for index in range(1, count):
                before, now = now, before + 2 * size * field(self._clock(t + index * size), now)
            change = change + weight * (now - y)
        return HermiteStep(t, h, y, y + change, f0)
