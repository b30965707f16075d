"""The methods that are compared on images, and how many steps give them how many evaluations."""

from __future__ import annotations

from dataclasses import dataclass

from suite.solvers import Method
from suite.solvers.methods import find

CLASSICAL = {
    "euler": "euler",
    "midpoint": "midpoint",
    "heun": "heun2",
    "rk4": "rk4",
    "rk4-classic": "rk4_classic",
    "ab2": "ab2",
}
"""Methods without a correction; ``rk4`` is the 3/8 rule, as in the library of the released code."""

HYPER = "hyper-euler"

_STAGES = {"euler": 1, "midpoint": 2, "heun": 2, "rk4": 4, "rk4-classic": 4, "ab2": 1, HYPER: 1}


@dataclass(frozen=True)
class Stepping:
    """A method on equal steps, with what its steps cost.

    Attributes:
        name: The variant.
        method: Takes the steps.
        overhead: Multiply-accumulates of a step beside its evaluations, in evaluations: those of a correction.
    """

    name: str
    method: Method
    overhead: float = 0.0

    @property
    def stages(self) -> int:
        """Evaluations of a step."""
        return _STAGES[self.name]

    @property
    def _starting(self) -> int:
        """Evaluations of the first step beyond those of others: the two-step method starts with one of two stages."""
        return 1 if self.name == "ab2" else 0

    def steps(self, evaluations: int) -> int:
        """Return how many steps take so many evaluations.

        Raises:
            ValueError: When no whole number of steps does.
        """
        count, rest = divmod(evaluations - self._starting, self.stages)
        if rest or count < 1:
            raise ValueError(f"no whole number of steps of {self.name} takes {evaluations} evaluations")
        return count

    def steps_on_axis(self, position: int) -> int:
        """Return the steps at a position of the released axis: points of the grid times stages, one step too many.

        Raises:
            ValueError: When there is no such number of steps.
        """
        points, rest = divmod(position, self.stages)
        if rest or points < 2:
            raise ValueError(f"no grid of {self.name} stands at {position}")
        return points - 1

    def evaluations(self, steps: int) -> int:
        """Return the evaluations of so many steps."""
        return self.stages * steps + self._starting

    def cost(self, steps: int) -> float:
        """Return the multiply-accumulates of so many steps, in evaluations."""
        return self.evaluations(steps) + self.overhead * steps


def classical(name: str) -> Stepping:
    """Return a method without a correction, by its variant."""
    return Stepping(name, find(CLASSICAL[name]))
