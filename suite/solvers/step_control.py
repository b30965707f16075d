"""Step-size control: from the error of a step to the size of the next."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Any, overload

from torch import Tensor

from suite.solvers.elementwise import Quantity, choose, limited
from suite.solvers.errors import InvalidProblemError

# No error is 0 or infinite between these: every power of it up to the first, of either sign, is a number.
_LEAST_POWER, _LARGEST_POWER = 1e-300, 1e300
_STRETCH = 1.01  # a step this much longer than proposed is taken rather than leave a sliver before a stop
_SMALLEST_REMEMBERED = 1e-4


@dataclass(frozen=True)
class StepController:
    """Elementary (I) and proportional-integral (PI) controllers with limits.

    The factor from one step to the next is ``safety * error ** -alpha * previous_error ** beta`` with
    ``alpha = 1 / order - 0.75 * beta`` (Hairer, Norsett and Wanner, *Solving Ordinary Differential Equations II*,
    section IV.2); ``beta = 0`` is the I controller. Errors are in units of the tolerance.

    Sizes and errors are numbers, or tensors with one entry a sample: the formulae are the same.

    Attributes:
        order: Order of the solution.
        safety: Safety factor, in (0, 1].
        ifactor: Largest factor by which a step grows.
        dfactor: Smallest factor by which a step shrinks.
        beta: Weight of the previous error.
        min_step: Steps of this size are accepted whatever their error.
        max_step: Largest step.
        max_num_steps: Largest number of steps tried.
    """

    order: int
    safety: float = 0.9
    ifactor: float = 10.0
    dfactor: float = 0.2
    beta: float = 0.0
    min_step: float = 0.0
    max_step: float = math.inf
    max_num_steps: int = 2**31 - 1

    def __post_init__(self) -> None:
        if not 0 < self.safety <= 1:
            raise InvalidProblemError(f"option safety lies in (0, 1], not {self.safety}")
        if not 0 < self.dfactor < 1 <= self.ifactor:
            raise InvalidProblemError(
                f"options dfactor and ifactor satisfy 0 < dfactor < 1 <= ifactor, not {self.dfactor} and {self.ifactor}"
            )
        largest = 4 / (3 * self.order)  # beyond it alpha is negative: a step would grow because its error was too large
        if not 0 <= self.beta < largest:
            raise InvalidProblemError(
                f"option beta lies in [0, {largest:.3g}) for a method of order {self.order}, not {self.beta}"
            )
        if not (0 <= self.min_step <= self.max_step and self.max_step > 0):
            raise InvalidProblemError(
                f"options min_step and max_step satisfy 0 <= min_step <= max_step and 0 < max_step, "
                f"not {self.min_step} and {self.max_step}"
            )
        if self.max_num_steps < 1:
            raise InvalidProblemError(f"option max_num_steps is at least 1, not {self.max_num_steps}")

    def clip(self, size: Quantity) -> Quantity:
        """Return a step size within the limits."""
        return limited(size, self.min_step, self.max_step)

    @overload
    def lands(self, proposed: float, remaining: float) -> bool: ...
    @overload
    def lands(self, proposed: Tensor, remaining: Tensor) -> Tensor: ...
    def lands(self, proposed: Any, remaining: Any) -> bool | Tensor:
        """Say whether a step of the proposed size is made to end on a stop that remains so far away."""
        reached: bool | Tensor = limited(proposed * _STRETCH, 0.0, self.max_step) >= remaining
        return reached

    @overload
    def accepts(self, error: float, size: float) -> bool: ...
    @overload
    def accepts(self, error: Tensor, size: Tensor) -> Tensor: ...
    def accepts(self, error: Any, size: Any) -> bool | Tensor:
        """Say whether a step with this error is good enough."""
        if not self.min_step:
            small_enough: bool | Tensor = error <= 1
            return small_enough
        accepted: bool | Tensor = (error <= 1) | ((size <= self.min_step) & (error < math.inf))
        return accepted

    def factor(self, error: Quantity, previous: Quantity) -> Quantity:
        """Return the factor to the next step from the errors of this step and of the last accepted one.

        It is below 1 after an error above 1, whatever the error before.
        """
        alpha = 1 / self.order - 0.75 * self.beta
        wanted = self.safety * limited(error, _LEAST_POWER, _LARGEST_POWER) ** -alpha
        if self.beta:
            wanted = wanted * limited(previous, 0.0, 1.0) ** self.beta
        within = choose(error < 1, limited(wanted, 1.0, self.ifactor), limited(wanted, self.dfactor, self.ifactor))
        return choose(error < math.inf, within, self.dfactor)

    def remembered(self, error: Quantity) -> Quantity:
        """Return what the factor of the next step is told of the error of an accepted one."""
        return limited(error, _SMALLEST_REMEMBERED, math.inf)


@overload
def resolvable(size: float, time: float) -> bool: ...
@overload
def resolvable(size: Tensor, time: Tensor) -> Tensor: ...
def resolvable(size: Any, time: Any) -> bool | Tensor:
    """Say whether the nodes of a step of this size are distinct times: it has four units in the last place or more."""
    resolved: bool | Tensor = size > 4 * sys.float_info.epsilon * limited(abs(time), sys.float_info.min, math.inf)
    return resolved
