"""A module whose forward pass solves an ODE: the field with its solver, and evaluations counted forwards and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, TypedDict, get_args

from torch import Tensor, nn

from suite.gradients import odeint_adjoint
from suite.models.evaluation_counts import CountsEvaluations
from suite.solvers import CountedField, odeint
from suite.solvers.state import State

Gradient = Literal["direct", "adjoint"]
"""Backpropagation through the solver's operations, or the adjoint equation solved backwards in time."""


class SolverOptions(TypedDict, total=False):
    """What :class:`SolvedField` takes beside the field, for those that hand it on."""

    method: str
    rtol: float
    atol: float
    gradient: Gradient
    options: Mapping[str, Any] | None


class SolvedField(CountsEvaluations):
    """A vector field and how it is solved; what the state is and where it starts is said by whoever derives from it.

    Attributes:
        method: A method of ``suite.solvers``; may be changed between calls.
        rtol: Relative tolerance; may be changed between calls.
        atol: Absolute tolerance; may be changed between calls.
        gradient: How to differentiate through a solve; may be changed between calls.
        options: Options of the method; may be changed between calls.
    """

    def __init__(
        self,
        field: nn.Module,
        *,
        method: str = "dopri5",
        rtol: float = 1e-3,
        atol: float = 1e-3,
        gradient: Gradient = "adjoint",
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """Wrap a vector field.

        Args:
            field: A module called as ``field(t, y)``.
            method: A method of ``suite.solvers``; a fixed-step one takes one step from each time to the next, unless
                ``options`` give it a ``step_size``.
            rtol: Relative tolerance.
            atol: Absolute tolerance.
            gradient: How to differentiate through the solve.
            options: Options of the method, such as ``{"step_size": 0.25}``; the reverse solve takes the same.

        Raises:
            ValueError: For an unknown way to differentiate.
        """
        super().__init__()
        if gradient not in get_args(Gradient):
            raise ValueError(f"unknown gradient {gradient!r}; the ways are {', '.join(get_args(Gradient))}")
        self.counted = CountedField(field)
        self.method = method
        self.rtol = rtol
        self.atol = atol
        self.gradient: Gradient = gradient
        self.options = None if options is None else dict(options)

    @contextmanager
    def solved_by(
        self, method: str, *, rtol: float, atol: float, options: Mapping[str, Any] | None = None
    ) -> Iterator[None]:
        """Solve by another method inside the ``with`` block, as when a trained network is tested with it.

        Args:
            method: A method of ``suite.solvers``.
            rtol: Relative tolerance.
            atol: Absolute tolerance.
            options: Options of the method.
        """
        before = self.method, self.rtol, self.atol, self.options
        self.method, self.rtol, self.atol = method, rtol, atol
        self.options = None if options is None else dict(options)
        try:
            yield
        finally:
            self.method, self.rtol, self.atol, self.options = before

    def solved(self, y0: State, times: Tensor, through: nn.Module | None = None) -> State:
        """Return the states at some times, counted as a forward pass.

        Args:
            y0: State at ``times[0]``.
            times: Strictly monotone times; best on the host, where the solver reads them.
            through: What the solver calls in place of the counted field, which it calls in turn.
        """
        solve = odeint if self.gradient == "direct" else odeint_adjoint
        field = self.counted if through is None else through
        with self.forward_pass():
            return solve(field, y0, times, rtol=self.rtol, atol=self.atol, method=self.method, options=self.options)
