"""Options of a solve, as torchdiffeq names them, checked before any work."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from torch import Tensor

from suite.solvers.error_norm import Norm
from suite.solvers.errors import InvalidProblemError
from suite.solvers.step_control import StepController
from suite.solvers.times import number

Times = Sequence[float] | Tensor | None
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
    step_t: Times = None
    jump_t: Times = None
    beta: float = 0.0
    safety: float = 0.9
    ifactor: float = 10.0
    dfactor: float = 0.2
    min_step: float = 0.0
    max_step: float = float("inf")
    max_num_steps: int = 2**31 - 1
    dtype: Any = None

    def __post_init__(self) -> None:
        if self.first_step is not None and not 0 < self.first_step < math.inf:
            raise InvalidProblemError(f"option first_step is positive and finite, not {self.first_step}")

    def stops(self, first: float, last: float) -> dict[float, bool]:
        """Return times after ``first``, up to ``last``, on which a step must end, and whether the field jumps there."""
        direction = 1 if last > first else -1
        jumps = _numbers(self.jump_t)
        wanted = jumps | _numbers(self.step_t) | {last}
        ahead = [time for time in wanted if direction * first < direction * time <= direction * last]
        return {time: time in jumps for time in sorted(ahead, key=lambda time: direction * time)}

    def jumps_at(self, time: float) -> bool:
        """Say whether the vector field jumps at a time."""
        return time in _numbers(self.jump_t)

    def controller(self, order: int) -> StepController:
        """Return the step-size controller for a method of that order."""
        limits = {field.name: getattr(self, field.name) for field in fields(StepController) if field.name != "order"}
        return StepController(order=order, **limits)


@dataclass(frozen=True)
class FixedGridOptions:
    """Options of stepping over a fixed grid.

    Attributes:
        step_size: Step size; the grid is the output times by default.
        grid_constructor: Makes the grid from ``(vector_field, y0, t)`` instead.
        interp: How outputs between grid points are made: ``linear``, or ``cubic`` (the method's continuous extension,
            at least a cubic).
    """

    step_size: float | None = None
    grid_constructor: Callable[[Any, Any, Tensor], Tensor] | None = None
    interp: str = "linear"

    def __post_init__(self) -> None:
        if self.interp not in ("linear", "cubic"):
            raise InvalidProblemError(f"option interp is 'linear' or 'cubic', not {self.interp!r}")
        if self.step_size is not None and self.grid_constructor is not None:
            raise InvalidProblemError("options step_size and grid_constructor exclude each other")
        if self.step_size is not None and not self.step_size > 0:
            raise InvalidProblemError(f"option step_size is positive, not {self.step_size}")


def read_options(options: Mapping[str, Any] | None, kind: type[Kind], other: type) -> Kind:
    """Read the options of one kind of method; warn of those of the other kind, as torchdiffeq does; refuse the rest.

    Args:
        options: What the user gave.
        kind: Options of this kind of method, a dataclass.
        other: Options of the other kind.

    Raises:
        InvalidProblemError: When an option is unknown or its value is none that it can have.
    """
    if options is not None and not isinstance(options, Mapping):
        raise InvalidProblemError(f"options are a mapping of names to values, not {type(options).__name__}")
    names, others = _names(kind), _names(other)
    given = dict(options or {})
    unknown = sorted(str(name) for name in given if name not in names and name not in others)
    if unknown:
        raise InvalidProblemError(f"unknown option {unknown[0]!r}; this method takes {', '.join(sorted(names))}")
    unused = sorted(given.keys() - names)
    if unused:
        warnings.warn(f"options without effect on this method: {', '.join(unused)}", stacklevel=5)
    return kind(**{name: value for name, value in given.items() if name in names})


def _names(kind: type) -> set[str]:
    return {field.name for field in fields(kind)}


def _numbers(times: Times) -> set[float]:
    return set() if times is None else {number(time) for time in times}
