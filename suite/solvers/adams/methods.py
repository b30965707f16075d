"""Adams methods on a fixed grid: explicit (Bashforth) and implicit (Moulton), on equal and unequal steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from suite.solvers.adams.corrector import AdamsMoultonCorrector
from suite.solvers.adams.stepper import AdamsStepper
from suite.solvers.errors import InvalidProblemError
from suite.solvers.grid_loop import GridStepper
from suite.solvers.method import GridMethod
from suite.solvers.option_values import number_option
from suite.solvers.options import FixedGridOptions
from suite.solvers.problem import Problem

_LARGEST_ORDER = 12


@dataclass(frozen=True)
class AdamsOptions(FixedGridOptions):
    """Options of the Adams methods.

    Attributes:
        max_order: The order, 1 to 12. The intervals of stability shrink quickly with it: to 0.3 at order 4 of the
            explicit methods, to 0.002 at order 12.
        max_iters: Largest number of iterations of the implicit equation of a step; of no effect on explicit methods.
    """

    max_order: int = 4
    max_iters: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, most in (("max_order", _LARGEST_ORDER), ("max_iters", None)):
            value = number_option(name, getattr(self, name))
            if value != int(value) or value < 1 or (most is not None and value > most):
                accepted = "a whole number of at least 1" if most is None else f"a whole number from 1 to {most}"
                raise InvalidProblemError(f"option {name} is {accepted}, not {value:g}")
            object.__setattr__(self, name, int(value))


class ExplicitAdams(GridMethod):
    """The Adams-Bashforth method of order ``max_order``.

    torchdiffeq's method of this name takes one slope less at the same ``max_order``, so that it is of one order less.
    """

    options_type: ClassVar[type[FixedGridOptions]] = AdamsOptions
    replayable: ClassVar[bool] = True

    def __init__(self, name: str) -> None:
        super().__init__(name, AdamsOptions.max_order)

    def stepper(self, problem: Problem, options: Any) -> GridStepper:
        """Return what takes the steps."""
        return AdamsStepper(problem, options.max_order, options.max_order)


class ImplicitAdams(GridMethod):
    """The Adams-Moulton method of order ``max_order``, iterated to the tolerance at most ``max_iters`` times."""

    options_type: ClassVar[type[FixedGridOptions]] = AdamsOptions

    def __init__(self, name: str) -> None:
        super().__init__(name, AdamsOptions.max_order)

    def stepper(self, problem: Problem, options: Any) -> GridStepper:
        """Return what takes the steps."""
        corrector = AdamsMoultonCorrector(problem, options.max_order, options.max_iters)
        return AdamsStepper(problem, options.max_order, max(options.max_order - 1, 1), corrector)


class FixedOrderAdams(GridMethod):
    """The Adams-Bashforth method of one order, known by it; Poli et al. (2020) compare hypersolvers with these."""

    replayable: ClassVar[bool] = True

    def stepper(self, problem: Problem, options: Any) -> GridStepper:  # noqa: ARG002 - it has none of its own
        """Return what takes the steps."""
        return AdamsStepper(problem, self.order, self.order)
