"""Errors of the solvers.

Those that torchdiffeq raises as assertions are assertions here too, so that a model's handlers still work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from suite.solvers.solution import Solution


class SolverError(Exception):
    """Base of everything the solvers raise."""


class InvalidProblemError(SolverError, ValueError, AssertionError):
    """The problem was refused before any work: a bad time, state, tolerance or option."""


class InvalidTypeError(InvalidProblemError, TypeError):
    """The problem was refused because a part of it is of the wrong type."""


class UnknownMethodError(InvalidProblemError):
    """There is no method of that name; the message lists the known ones."""


class InconsistentTableauError(SolverError, ValueError):
    """The coefficients contradict each other or the order they declare."""


class IntegrationError(SolverError, AssertionError):
    """The integration stopped on the way.

    Attributes:
        time: Where it stopped.
        solution: Outputs reached before that, with the statistics so far; None when there is none.
    """

    def __init__(self, message: str, time: float, solution: Solution | None = None) -> None:
        super().__init__(message)
        self.time = time
        self.solution = solution


class NonFiniteError(IntegrationError, FloatingPointError):
    """The state or the vector field became infinite or not-a-number."""


class StepUnderflowError(IntegrationError):
    """The step size fell below what the time can resolve: the problem is stiff or singular there."""


class StepLimitError(IntegrationError):
    """``max_num_steps`` was reached before the last output time."""


class EventNotFoundError(IntegrationError, RuntimeError):
    """The event function kept its sign for as long as the integration could go on."""
