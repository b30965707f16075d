"""The solvers behind scipy's ``solve_ivp``, as a method like any other."""

from __future__ import annotations

import math
import sys
import warnings
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from suite.solvers.error_norm import Norm
from suite.solvers.errors import InvalidProblemError, StepLimitError
from suite.solvers.external.host_field import Array, HostField
from suite.solvers.method import Method, Options, Walk
from suite.solvers.option_values import number_option
from suite.solvers.options import AdaptiveOptions, read_options
from suite.solvers.problem import Problem
from suite.solvers.stage_sum import Time
from suite.solvers.times import number

_SOLVERS = ("RK45", "RK23", "DOP853", "Radau", "BDF", "LSODA")
_LSODA_ALONE = ("min_step", "lband", "uband")
_SMALLEST_RTOL = 100 * sys.float_info.epsilon  # scipy takes no smaller one, and would warn
_EXPLICIT = ("RK45", "RK23", "DOP853")


@dataclass(frozen=True)
class ScipyOptions:
    """Options of ``scipy_solver``, with the names of ``scipy.integrate.solve_ivp``.

    Attributes:
        solver: RK45, RK23, DOP853, Radau, BDF or LSODA.
        first_step: First step size; chosen by the solver by default.
        max_step: Largest step.
        min_step: Smallest step, of LSODA alone.
        lband: Width of the Jacobian's band below the diagonal, of LSODA alone; full by default.
        uband: Width above, likewise.
        max_num_steps: Largest number of steps.
        norm: Accepted for compatibility: the solvers have norms of their own.
    """

    solver: str = "LSODA"
    first_step: float | None = None
    max_step: float = math.inf
    min_step: float = 0.0
    lband: int | None = None
    uband: int | None = None
    max_num_steps: float = 2**31 - 1
    norm: Norm | None = None

    def __post_init__(self) -> None:
        if self.solver not in _SOLVERS:
            raise InvalidProblemError(f"option solver is one of {', '.join(_SOLVERS)}, not {self.solver!r}")
        for name in ("first_step", "max_step", "min_step", "lband", "uband", "max_num_steps"):
            value = getattr(self, name)
            if value is None:
                continue
            value = number_option(name, value)
            if not (value >= 0 if name in _LSODA_ALONE else value > 0):
                sign = "at least 0" if name in _LSODA_ALONE else "positive"
                raise InvalidProblemError(f"option {name} is {sign}, not {value:g}")
            object.__setattr__(self, name, value)
        given = [name for name in _LSODA_ALONE if getattr(self, name)]
        if given and self.solver != "LSODA":
            raise InvalidProblemError(f"option {given[0]} is for solver 'LSODA' alone, not for {self.solver!r}")

    def arguments(self) -> dict[str, Any]:
        """Return those that the solver's constructor takes."""
        chosen = {"max_step": self.max_step, "first_step": self.first_step}
        if self.solver != "LSODA":
            return chosen
        return chosen | {"min_step": self.min_step, "lband": self.lband, "uband": self.uband}


@dataclass(eq=False)
class HostStep:
    """One step of a solver of scipy.

    Attributes:
        start: Time at the start.
        size: Signed step size.
        y0: State at the start.
        y1: State at the end.
        inside: The solver's own dense output.
        field: Makes states of its vectors.
    """

    start: Time
    size: Time
    y0: Tensor
    y1: Tensor
    inside: Any
    field: HostField

    def interpolate(self, t: Time) -> Tensor:
        """Return the state at a time inside the step."""
        return self.field.to_state(self.inside(number(t)))


class ScipySolver(Method):
    """A solver of scipy, on the host and in double precision, with the results of ``solve_ivp``.

    Autograd cannot follow it: its outputs are detached from state, times and parameters, as torchdiffeq's are. A
    complex state is passed as it is to the explicit Runge-Kutta solvers, to the others as its real and imaginary parts.
    Scipy does not tell how many steps Radau, BDF and LSODA reject; these are not counted.
    """

    differentiable: ClassVar[bool] = False

    def __init__(self, name: str) -> None:
        super().__init__(name, 5, adaptive=True)

    def prepare(self, options: Options) -> Walk:
        """Read the options."""
        return partial(_walk, read_options(options, ScipyOptions, AdaptiveOptions))


def _walk(settings: ScipyOptions, problem: Problem) -> None:
    import scipy.integrate

    field = HostField(problem, compiled=settings.solver == "LSODA", as_real=settings.solver not in _EXPLICIT)
    rtol, atol = field.tolerances()
    rtol = np.maximum(rtol, _SMALLEST_RTOL)
    values = problem.values
    if len(values) == 1:
        return
    kind = getattr(scipy.integrate, settings.solver)
    make = partial(kind, field, values[0], field.y0, values[-1], rtol=rtol, atol=atol, **settings.arguments())
    try:
        solver = field.guard(make)
    except ValueError as error:
        if field.raised:
            raise
        raise InvalidProblemError(f"scipy's {settings.solver} refuses the problem: {error}") from None
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "lsoda:", UserWarning)  # it warns of what is raised here
        while solver.status == "running":
            _step(settings, problem, field, solver)


def _step(settings: ScipyOptions, problem: Problem, field: HostField, solver: Any) -> None:
    statistics, name = problem.statistics, f"scipy's {settings.solver}"
    if statistics.accepted >= settings.max_num_steps:
        limit = f"max_num_steps = {settings.max_num_steps:g} steps were taken"
        raise StepLimitError(f"{limit}, and the solution has reached only t = {solver.t:g}", float(solver.t))
    before, evaluations = solver.y, problem.field.nfe
    message = field.guard(solver.step)
    time = float(solver.t)
    if solver.status == "failed":
        raise field.failure(name, time, (message or "no reason given").rstrip("."))
    field.check_step(name, float(solver.t_old), time, solver.y)
    statistics.accepted += 1
    if settings.solver in _EXPLICIT:
        # Each try costs as many evaluations, the field at the end of the step among them.
        statistics.rejected += (problem.field.nfe - evaluations) // solver.n_stages - 1
    _collect(problem, field, solver, before)


def _collect(problem: Problem, field: HostField, solver: Any, before: Array) -> None:
    """Add the outputs inside the step just taken, all from its dense output as ``solve_ivp`` does."""
    first = last = len(problem.outputs)
    direction = problem.direction
    while last < len(problem.values) and direction * (problem.values[last] - solver.t) <= 0:
        last += 1
    if last == first and not problem.dense:
        return
    inside = field.guard(solver.dense_output)
    if last > first:
        states = inside(np.array(problem.values[first:last]))
        problem.outputs.extend(field.to_state(state) for state in states.T)
    if problem.dense:
        start, size = float(solver.t_old), float(solver.t - solver.t_old)
        problem.kept.append(HostStep(start, size, field.to_state(before), field.to_state(solver.y), inside, field))
