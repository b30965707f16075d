"""Options of a solve, as torchdiffeq names them, checked before any work."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, TypeVar

from torch import Tensor

from suite.solvers.error_norm import Norm
from suite.solvers.errors import InvalidProblemError, InvalidTypeError
from suite.solvers.option_values import check_count, dtype_option, function_option, number_option, times_option
from suite.solvers.step_control import StepController
from suite.solvers.user_warning import warn_user

Times = Collection[float]
Kind = TypeVar("Kind")


@dataclass(frozen=True)
class AdaptiveOptions:
    """Options of the adaptive methods.

    Attributes:
        norm: Norm of the error; sees a state as the user does. Root mean square by default, the largest over the
            parts of a tuple.
        first_step: First step size; searched for by default.
        step_t: Times on which a step must end.
        jump_t: Times at which the vector field jumps: a step ends there and the field is evaluated anew.
        beta: Weight of the previous error: 0 is the I controller, 0.04 to 0.1 a PI controller.
        safety: Safety factor of the controller.
        ifactor: Largest factor by which a step grows.
        dfactor: Smallest factor by which a step shrinks.
        min_step: Steps of this size are accepted whatever their error.
        max_step: Largest step.
        max_num_steps: Largest number of steps tried.
        dtype: Accepted for compatibility: times are double-precision numbers always.
    """

    norm: Norm | None = None
    first_step: float | None = None
    step_t: Times = ()
    jump_t: Times = ()
    beta: float = 0.0
    safety: float = 0.9
    ifactor: float = 10.0
    dfactor: float = 0.2
    min_step: float = 0.0
    max_step: float = float("inf")
    max_num_steps: int = 2**31 - 1
    dtype: Any = None

    def __post_init__(self) -> None:
        _read_numbers(self, "beta", "safety", "ifactor", "dfactor", "min_step", "max_step", "max_num_steps")
        check_count("max_num_steps", self.max_num_steps)
        if self.norm is not None:
            function_option("norm", self.norm)
        if self.dtype is not None:
            dtype_option("dtype", self.dtype)
        for name in ("step_t", "jump_t"):
            times = getattr(self, name)
            object.__setattr__(self, name, frozenset() if times is None else times_option(name, times))
        if self.first_step is None:
            return
        _read_numbers(self, "first_step")
        if not 0 < self.first_step < math.inf:
            raise InvalidProblemError(f"option first_step is positive and finite, not {self.first_step}")

    def stops(self, first: float, last: float) -> dict[float, bool]:
        """Return times after ``first``, up to ``last``, on which a step must end, and whether the field jumps there."""
        direction = 1 if last > first else -1
        wanted = {*self.jump_t, *self.step_t, last}
        ahead = [time for time in wanted if direction * first < direction * time <= direction * last]
        return {time: time in self.jump_t for time in sorted(ahead, key=lambda time: direction * time)}

    def jumps_at(self, time: float) -> bool:
        """Say whether the vector field jumps at a time."""
        return time in self.jump_t

    def controller(self, order: int) -> StepController:
        """Return the step-size controller for a method of that order."""
        return StepController(
            order,
            self.safety,
            self.ifactor,
            self.dfactor,
            self.beta,
            self.min_step,
            self.max_step,
            self.max_num_steps,
        )


@dataclass(frozen=True)
class FixedGridOptions:
    """Options of stepping over a fixed grid.

    Attributes:
        step_size: Step size; the grid is the output times by default.
        grid_constructor: Makes the grid from ``(vector_field, y0, t)`` instead.
        interp: How outputs between grid points are made: ``linear``, or ``cubic`` (the method's continuous extension,
            at least a cubic).
        perturb: Evaluate the field just after the start and just before the end of a step rather than on them, for a
            field that jumps at grid points.
        max_num_steps: Largest number of steps on the way to an event.
    """

    step_size: float | None = None
    grid_constructor: Callable[[Any, Any, Tensor], Tensor] | None = None
    interp: str = "linear"
    perturb: bool = False
    max_num_steps: int = 20_000

    def __post_init__(self) -> None:
        _read_numbers(self, "max_num_steps")
        if self.step_size is not None:
            _read_numbers(self, "step_size")
        if self.grid_constructor is not None:
            function_option("grid_constructor", self.grid_constructor)
        if not isinstance(self.perturb, bool):
            raise InvalidTypeError(f"option perturb is True or False, not {self.perturb!r}")
        check_count("max_num_steps", self.max_num_steps)
        if self.interp not in ("linear", "cubic"):
            raise InvalidProblemError(f"option interp is 'linear' or 'cubic', not {self.interp!r}")
        if self.step_size is not None and self.grid_constructor is not None:
            raise InvalidProblemError("options step_size and grid_constructor exclude each other")
        if self.step_size is not None and not 0 < self.step_size < math.inf:
            raise InvalidProblemError(f"option step_size is positive and finite, not {self.step_size}")


def read_options(options: Mapping[str, Any] | None, kind: type[Kind], other: type) -> Kind:
    """Read the options of one kind of method; warn of those of the other kind, as torchdiffeq does; refuse the rest.

    Args:
        options: What the user gave.
        kind: Options of this kind of method, a dataclass.
        other: Options of the other kind.

    Raises:
        InvalidProblemError: When an option is unknown or its value is none that it can have.
    """
    plain: type = kind
    if not options:
        defaults: Kind = _defaults(plain)
        return defaults
    names, others = _names(plain), _names(other)
    given = _with_present_names(options, names)
    unknown = sorted(str(name) for name in given if name not in names and name not in others)
    if unknown:
        raise InvalidProblemError(f"unknown option {unknown[0]!r}; this method takes {', '.join(sorted(names))}")
    unused = sorted(given.keys() - names)
    if unused:
        warn_user(f"options without effect on this method: {', '.join(unused)}")
    return kind(**{name: value for name, value in given.items() if name in names})


@cache
def _defaults(kind: type) -> Any:
    return kind()


@cache
def _names(kind: type) -> frozenset[str]:
    return frozenset(field.name for field in fields(kind))


def _with_present_names(options: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    """Return options with torchdiffeq's old names (before 0.2) in place of the present ones, after one warning."""
    given = dict(options)
    if "grid_points" not in given and "eps" not in given:
        return given
    old = "'grid_points' and 'eps' are old names: give the times at which the field jumps as 'jump_t'"
    warn_user(f"options {old}, or perturb=True on a fixed grid")
    points, offset = given.pop("grid_points", None), given.pop("eps", None)
    if "jump_t" in names and points is not None:
        given.setdefault("jump_t", points)
    if "perturb" in names and offset is not None:
        given.setdefault("perturb", number_option("eps", offset) > 0)
    return given


def _read_numbers(options: object, *names: str) -> None:
    """Replace options by the numbers that they are, so that tensors of one entry serve too."""
    for name in names:
        object.__setattr__(options, name, number_option(name, getattr(options, name)))
