"""Step-size control: from the error of a step to the size of the next."""

from __future__ import annotations

import math
from dataclasses import dataclass

from suite.solvers.errors import InvalidProblemError


@dataclass(frozen=True)
class StepController:
    """Elementary (I) and proportional-integral (PI) controllers with limits.

    The factor from one step to the next is ``safety * error ** -alpha * previous_error ** beta`` with
    ``alpha = 1 / order - 0.75 * beta`` (Hairer, Norsett and Wanner, *Solving Ordinary Differential Equations II*,
    section IV.2); ``beta = 0`` is the I controller. Errors are in units of the tolerance.

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

    def clip(self, size: float) -> float:
        """Return a step size within the limits."""
        return min(max(size, self.min_step), self.max_step)

    def accepts(self, error: float, size: float) -> bool:
        """Say whether a step with this error is good enough."""
        return error <= 1 or (size <= self.min_step and math.isfinite(error))

    def factor(self, error: float, previous: float) -> float:
        """Return the factor to the next step from the errors of this step and of the last accepted one.

        It is below 1 after an error above 1, whatever the error before.
        """
        if not math.isfinite(error):
            return self.dfactor
        if error == 0:
            return self.ifactor
        alpha = 1 / self.order - 0.75 * self.beta
        wanted = self.safety * math.exp(self.beta * math.log(min(previous, 1.0)) - alpha * math.log(error))
        lowest = 1.0 if error < 1 else self.dfactor
        return min(self.ifactor, max(wanted, lowest))
