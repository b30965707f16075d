"""What a method is: the unit of registration, whatever way it integrates."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor

from suite.solvers.adaptive_loop import integrate_adaptively
from suite.solvers.compiled import CompiledRungeKutta
from suite.solvers.errors import InvalidProblemError
from suite.solvers.graphs.replayed_adaptive import replayed_adaptively
from suite.solvers.graphs.replayed_grid import Recorded, replayed_on_grid
from suite.solvers.grid_loop import GridStepper, integrate_on_grid
from suite.solvers.options import AdaptiveOptions, FixedGridOptions, read_options
from suite.solvers.problem import Problem
from suite.solvers.runge_kutta import RungeKutta
from suite.solvers.tableau import ButcherTableau

Options = Mapping[str, Any] | None
Walk = Callable[[Problem], None]
"""Integrates a problem, adding to its outputs."""


@dataclass(frozen=True, eq=False)
class Method(ABC):
    """A way to integrate an ODE, as users name it.

    Attributes:
        name: What users write.
        order: The global error falls with this power of the step size.
        adaptive: Whether it controls its step size; otherwise it steps from output to output, or by ``step_size``.
        differentiable: Whether autograd can follow its steps.
    """

    name: str
    order: int
    adaptive: bool
    differentiable: ClassVar[bool] = True
    replayable: ClassVar[bool] = False
    """Whether all that its steps depend on is the problem, its options and the method: a recording can be replayed."""

    @abstractmethod
    def prepare(self, options: Options) -> Walk:
        """Read the options and return what integrates a problem.

        Raises:
            InvalidProblemError: When an option is unknown or its value is none that it can have.
        """


class GridMethod(Method):
    """A method that walks a fixed grid."""

    options_type: ClassVar[type[FixedGridOptions]] = FixedGridOptions

    def __init__(self, name: str, order: int) -> None:
        super().__init__(name, order, adaptive=False)

    @abstractmethod
    def stepper(self, problem: Problem, options: Any) -> GridStepper:
        """Return what takes the steps of one solve, given options of this method's ``options_type``."""

    def recorded(self) -> Recorded:
        """Return what a recording of its steps fixes beside the problem and the options."""
        return Recorded(self)

    def prepare(self, options: Options) -> Walk:
        """Read the options of a fixed grid, and the method's own."""
        settings = read_options(options, self.options_type, AdaptiveOptions)
        return partial(self._walk, settings)

    def _walk(self, settings: FixedGridOptions, problem: Problem) -> None:
        def integrate(problem: Problem) -> GridStepper:
            stepper = self.stepper(problem, settings)
            integrate_on_grid(problem, settings, stepper)
            return stepper

        if not (self.replayable and replayed_on_grid(problem, settings, self.recorded(), integrate)):
            integrate(problem)


@dataclass(frozen=True, eq=False)
class ExplicitRungeKutta(Method):
    """An explicit Runge-Kutta method, with step-size control or on a fixed grid.

    Attributes:
        tableau: Its coefficients.
    """

    replayable: ClassVar[bool] = True
    tableau: ButcherTableau

    def __init__(self, name: str, tableau: ButcherTableau, *, adaptive: bool) -> None:
        if adaptive and tableau.error_weights is None:
            raise InvalidProblemError(f"method {name!r} cannot be adaptive: its tableau has no embedded solution")
        super().__init__(name, tableau.order, adaptive)
        object.__setattr__(self, "tableau", tableau)

    def stepping(self, options: Options) -> tuple[ExplicitRungeKutta, Options]:
        """Take out the option ``adaptive``: false makes an adaptive tableau walk a fixed grid."""
        if options is None or "adaptive" not in options:
            return self, options
        rest = {name: value for name, value in options.items() if name != "adaptive"}
        return ExplicitRungeKutta(self.name, self.tableau, adaptive=bool(options["adaptive"])), rest

    def prepare(self, options: Options) -> Walk:
        """Read the options of adaptive steps or of a fixed grid."""
        method, rest = self.stepping(options)
        if method.adaptive:
            return partial(self._control, read_options(rest, AdaptiveOptions, FixedGridOptions))
        return partial(self._walk, read_options(rest, FixedGridOptions, AdaptiveOptions))

    def _control(self, settings: AdaptiveOptions, problem: Problem) -> None:
        if not (self.replayable and replayed_adaptively(problem, settings, self.tableau)):
            integrate_adaptively(problem, settings, self._bound(problem), self.order)

    def _walk(self, settings: FixedGridOptions, problem: Problem) -> None:
        def integrate(problem: Problem) -> RungeKutta:
            stepper = self._bound(problem)
            if isinstance(stepper, CompiledRungeKutta):
                inner = problem.dense or problem.event_fn is not None or settings.interp == "cubic"
                stepper.walks = not inner and not any(isinstance(time, Tensor) for time in problem.clocks)
            integrate_on_grid(problem, settings, stepper)
            return stepper

        if not (self.replayable and replayed_on_grid(problem, settings, Recorded(self.tableau), integrate)):
            integrate(problem)

    def _bound(self, problem: Problem) -> RungeKutta:
        if problem.compile:
            inner = problem.dense or problem.event_fn is not None or len(problem.values) > 2
            return CompiledRungeKutta(self.tableau, problem.field, problem.y0, interpolated=inner)
        stepper = RungeKutta(self.tableau, problem.y0)
        stepper.walks = not torch.is_grad_enabled()
        return stepper
