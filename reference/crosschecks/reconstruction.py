"""The initial state that a backward pass takes for the true one."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from reference.crosschecks.gradient_problems import GradientProblem
from suite.declarations import Library
from suite.solvers import CountedField
from suite.solvers.vector_field import VectorField


class SolveArguments(Protocol):
    """A method with its accuracy."""

    def arguments(self, times: Tensor) -> dict[str, object]:
        """Return it as arguments of a solve over ``times``."""
        ...


class WatchedField(CountedField):
    """A counted field that remembers the latest state at which it was evaluated at one time.

    Attributes:
        start: That state, or None.
    """

    def __init__(self, vector_field: VectorField, time: float) -> None:
        super().__init__(vector_field)
        self.time = time
        self.start: Tensor | None = None

    def forward(self, t: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        """Evaluate the field, count it, and look at the time."""
        if float(t.detach()) == self.time:
            self.start = y.detach().clone()
        derivative = super().forward(t, y)
        if not isinstance(derivative, Tensor):
            raise TypeError("the field of a gradient problem returns one tensor")
        return derivative


@torch.no_grad()
def reverse_solve_error(problem: GradientProblem, library: Library, accuracy: SolveArguments) -> float:
    """Return ``|y - y(0)| / |y(0)|`` after solving to the last time and, from that alone, back again.

    Args:
        problem: The problem.
        library: Whose solver.
        accuracy: Method of the solver, and its tolerance or steps, for both ways.
    """
    times = problem.times[[0, -1]]
    field: nn.Module = problem.field
    end = library.odeint(field, problem.y0, times, **accuracy.arguments(times))[-1]  # type: ignore[arg-type]
    back = library.odeint(field, end, times.flip(0), **accuracy.arguments(times))[-1]  # type: ignore[arg-type]
    return float((back - problem.y0).norm() / problem.y0.norm())
