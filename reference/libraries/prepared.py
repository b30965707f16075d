"""A solve prepared once and run many times, the same for every library: what cross-checks measure and time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

from suite.declarations import Library
from suite.solvers import CountedField

MOST_EVALUATIONS = 1_000_000
"""Evaluations after which a solve is given up, unless told otherwise: some libraries never end where steps vanish."""


class EvaluationLimitError(ArithmeticError):
    """A solve made more evaluations of the vector field than it was allowed."""

    def __init__(self, most: int) -> None:
        super().__init__(f"more than {most} evaluations of the vector field")


class SolveFailedError(ArithmeticError):
    """Another library reports that it did not reach the last time."""


class Prepared(ABC):
    """One solve, ready to run: what is compiled or converted once is done."""

    @abstractmethod
    def run(self) -> None:
        """Do the work; when it returns the result is there.

        With a way to differentiate, the work includes the gradient of ``(y(t[-1]) ** 2).mean()`` with respect to the
        initial state and the field's parameters.
        """

    @property
    @abstractmethod
    def states(self) -> Tensor:
        """States of the latest run, shape ``[len(t), *y0.shape]``, on the CPU."""

    @property
    @abstractmethod
    def gradients(self) -> tuple[Tensor, ...]:
        """Gradients of the latest run: by the initial state, then by each parameter; none of a forward solve."""

    @property
    @abstractmethod
    def nfe(self) -> int:
        """Evaluations of the vector field in the forward solve of the latest run."""


class NeutralLibrary(Library):
    """A library outside torch, which evaluates a field by its formula and whose states carry no gradient of torch."""

    @abstractmethod
    def prepare(
        self,
        vector_field: nn.Module,
        y0: Tensor,
        t: Tensor,
        *,
        method: str,
        rtol: float,
        atol: float,
        step_size: float | None = None,
        gradient: str = "",
        most_evaluations: int = MOST_EVALUATIONS,
    ) -> Prepared:
        """Prepare a solve; see :func:`prepare`."""

    def odeint(
        self,
        vector_field: nn.Module,
        y0: Tensor,
        t: Tensor,
        *,
        method: str,
        rtol: float,
        atol: float,
        step_size: float | None = None,
        gradient: str = "direct",
    ) -> Tensor:
        """Integrate; see :meth:`suite.declarations.Library.odeint`. The states are detached from torch's graph."""
        del gradient
        prepared = self.prepare(vector_field, y0, t, method=method, rtol=rtol, atol=atol, step_size=step_size)
        prepared.run()
        return prepared.states


def prepare(
    library: Library,
    vector_field: nn.Module,
    y0: Tensor,
    t: Tensor,
    *,
    method: str,
    rtol: float,
    atol: float,
    step_size: float | None = None,
    gradient: str = "",
    most_evaluations: int = MOST_EVALUATIONS,
) -> Prepared:
    """Prepare a solve by any library.

    Args:
        library: The library.
        vector_field: A module called as ``vector_field(t, y)``; one with a formula for diffrax.
        y0: State at ``t[0]``.
        t: Strictly monotone times, shape ``[n]``.
        method: One of the library's methods.
        rtol: Relative tolerance; ignored on a fixed grid.
        atol: Absolute tolerance; ignored on a fixed grid.
        step_size: Step of a fixed-grid method; the output times are the grid when it is None.
        gradient: One of the library's ways to differentiate; empty for the forward solve alone.
        most_evaluations: Evaluations after which the solve is given up.
    """
    if isinstance(library, NeutralLibrary):
        return library.prepare(
            vector_field, y0, t, method=method, rtol=rtol, atol=atol, step_size=step_size, gradient=gradient,
            most_evaluations=most_evaluations,
        )  # fmt: skip
    counted = LimitedField(vector_field, most_evaluations)

    def solve(start: Tensor) -> Tensor:
        return library.odeint(
            counted, start, t, method=method, rtol=rtol, atol=atol, step_size=step_size, gradient=gradient or "direct"
        )

    return _TorchSolve(solve, counted, y0, gradient)


class LimitedField(CountedField):
    """A counted field that refuses to be evaluated more often than a limit."""

    def __init__(self, vector_field: nn.Module, most: int) -> None:
        super().__init__(vector_field)
        self.most = most

    def forward(self, t: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        """Evaluate the field and count it.

        Raises:
            EvaluationLimitError: Beyond the limit.
        """
        if self.nfe >= self.most:
            raise EvaluationLimitError(self.most)
        self.nfe += 1
        derivative: Tensor = self.vector_field(t, y)
        return derivative


class _TorchSolve(Prepared):
    """A solve by a library that computes with torch."""

    def __init__(self, solve: Callable[[Tensor], Tensor], counted: LimitedField, y0: Tensor, gradient: str) -> None:
        self._solve = solve
        self._counted = counted
        self._y0 = y0
        self._parameters = tuple(counted.parameters())
        self._differentiate = bool(gradient)
        self._states = y0.new_empty(0)
        self._gradients: tuple[Tensor, ...] = ()
        self._nfe = 0

    def run(self) -> None:
        self._counted.reset()
        if not self._differentiate:
            with torch.no_grad():
                self._states = self._solve(self._y0)
            self._nfe = self._counted.nfe
            return
        start = self._y0.detach().requires_grad_(True)
        states = self._solve(start)
        self._nfe = self._counted.nfe
        self._counted.reset()
        self._gradients = torch.autograd.grad(states[-1].square().mean(), (start, *self._parameters))
        self._states = states.detach()

    @property
    def states(self) -> Tensor:
        return self._states.cpu()

    @property
    def gradients(self) -> tuple[Tensor, ...]:
        return self._gradients

    @property
    def nfe(self) -> int:
        return self._nfe
