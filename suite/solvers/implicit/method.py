"""Implicit Runge-Kutta methods as users name them, and their options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from suite.solvers.errors import InvalidProblemError
from suite.solvers.grid_loop import GridStepper
from suite.solvers.implicit.newton import NewtonLimits
from suite.solvers.implicit.stepper import ImplicitRungeKutta
from suite.solvers.implicit.tableau import ImplicitTableau
from suite.solvers.method import GridMethod
from suite.solvers.option_values import check_count, number_option
from suite.solvers.options import FixedGridOptions
from suite.solvers.problem import Problem


@dataclass(frozen=True)
class ImplicitOptions(FixedGridOptions):
    """Options of the implicit methods.

    Attributes:
        max_iters: Largest number of Newton iterations for a set of stages.
        tolerance: Error of a stage, relative to the largest entry of the state, at which they stop; 16 units of
            rounding by default. Gradients are those of the exact solution of the stage equations, whatever it is.
        dense_limit: Largest number of unknowns (real entries of the state times stages solved for together) for which
            Jacobians are formed and factorised, whose cost grows with the third power; beyond, systems are solved by
            GMRES from products, without a preconditioner. For perceptrons, which are not stiff, GMRES was measured to
            be as fast at 128 unknowns and six times faster at 256; for stiff fields a larger limit is safer.
    """

    max_iters: int = 100
    tolerance: float | None = None
    dense_limit: int = 256

    def __post_init__(self) -> None:
        super().__post_init__()
        check_count("max_iters", number_option("max_iters", self.max_iters))
        if self.tolerance is not None and not 0 < number_option("tolerance", self.tolerance) < 1:
            raise InvalidProblemError(f"option tolerance lies between 0 and 1, not {self.tolerance}")
        if not number_option("dense_limit", self.dense_limit) >= 0:
            raise InvalidProblemError(f"option dense_limit is not negative, but {self.dense_limit}")

    def limits(self, dtype: torch.dtype) -> NewtonLimits:
        """Return when Newton's method stops for states of a dtype, real or complex."""
        unit = torch.finfo(dtype).eps
        tolerance = 16 * unit if self.tolerance is None else self.tolerance
        return NewtonLimits(tolerance, max(tolerance, unit ** (2 / 3)), int(self.max_iters))


class ImplicitMethod(GridMethod):
    """An implicit Runge-Kutta method.

    Attributes:
        tableau: Its coefficients.
    """

    tableau: ImplicitTableau
    options_type: ClassVar[type[FixedGridOptions]] = ImplicitOptions

    def __init__(self, name: str, tableau: ImplicitTableau) -> None:
        super().__init__(name, tableau.order)
        object.__setattr__(self, "tableau", tableau)

    def stepper(self, problem: Problem, options: ImplicitOptions) -> GridStepper:
        """Return what takes the steps of one solve."""
        limits = options.limits(problem.y0.dtype)
        return ImplicitRungeKutta(self.tableau, problem.y0, limits, options.dense_limit, problem.statistics)
