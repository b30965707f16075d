"""Events: where along the solution a function of time and state changes its sign."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from scipy.optimize import brentq
from torch import Tensor

from suite.solvers.errors import InvalidProblemError, InvalidTypeError, NonFiniteError
from suite.solvers.stage_sum import Time
from suite.solvers.state import State, StateLayout

EventFunction = Callable[[Tensor, Any], Tensor]
"""``event_fn(t, y)`` with a 0-dimensional double-precision time and a state like ``y0``; returns a real tensor."""


@dataclass(frozen=True, eq=False)
class Event:
    """An event: the first sign change of any component of an event function.

    Components are turned so that all are positive at the start; the smallest is then one function that changes its sign
    where the first of them does.

    Attributes:
        function: The user's event function.
        layout: Layout of the states.
        signs: 1 or -1 for each component: its sign at the start, 1 where it is zero there.
    """

    function: EventFunction
    layout: StateLayout
    signs: Tensor

    @classmethod
    def at_start(cls, function: EventFunction, layout: StateLayout, start: float, y0: Tensor) -> Event:
        """Return the event for a solve that starts from a packed state.

        Raises:
            InvalidTypeError: When the event function is no function, or returns something else than a real tensor.
            InvalidProblemError: When it returns an empty tensor.
        """
        if not callable(function):
            raise InvalidTypeError(f"event_fn is a function of time and state, not {function!r}")
        with torch.no_grad():
            values = function(_clock(start, y0), layout.unpack(y0))
        if not isinstance(values, Tensor):
            raise InvalidTypeError(f"event_fn returns a tensor, not {type(values).__name__}")
        if values.is_complex() or values.dtype is torch.bool:
            raise InvalidTypeError(f"event_fn returns a real tensor, not one of {values.dtype}")
        if values.numel() == 0:
            raise InvalidProblemError("event_fn returned a tensor without entries, which has no sign to change")
        return cls(function, layout, torch.where(values < 0, -1, 1).to(values.dtype))

    def value(self, t: Tensor, state: State) -> Tensor:
        """Return the smallest component, turned as at the start: a 0-dimensional tensor that autograd can follow.

        Raises:
            InvalidProblemError: When the event function returns another shape than at the start.
        """
        values = self.function(t, state)
        if values.shape != self.signs.shape:
            raise InvalidProblemError(
                f"event_fn returned shape {tuple(values.shape)} where it had returned {tuple(self.signs.shape)}"
            )
        return (values * self.signs).min()

    def at(self, time: float, y: Tensor) -> float:
        """Return the same as a number, for a packed state. The host waits for the device here.

        Raises:
            NonFiniteError: When it is not-a-number.
        """
        with torch.no_grad():
            value = float(self.value(_clock(time, y), self.layout.unpack(y)))
        if math.isnan(value):
            raise NonFiniteError(f"event_fn is not-a-number at t = {time:g}", time)
        return value


class EventSearch:
    """The search for an event along a solve, step by step.

    Attributes:
        time: When the event happens; None until it is found.
        host_syncs: How often the host waited for the device.
    """

    def __init__(self, event: Event, start: float, y0: Tensor) -> None:
        self._event = event
        self._before = event.at(start, y0)
        self.host_syncs = 1
        self.time: float | None = start if self._before == 0 else None

    def passes(self, time: float, y: Tensor) -> bool:
        """Say whether the event lies at or before the end of a step; if not, the next step is to be looked at."""
        self.host_syncs += 1
        self._after = self._event.at(time, y)
        if self._after > 0:
            self._before = self._after
            return False
        return True

    def locate(self, interpolate: Callable[[Time], Tensor], start: float, end: float) -> float:
        """Return when the event happens inside the step that passes it, to the precision of the time.

        Brent's method (Brent 1973, *Algorithms for Minimization without Derivatives*, chapter 4) on the solution inside
        the step: as safe as bisection and, where the event function is smooth, as quick as the secant method.

        Args:
            interpolate: The packed state at a time inside the step.
            start: Time at the start of the step.
            end: Time at its end.
        """
        known = {start: self._before, end: self._after}

        def value(time: float) -> float:
            if time in known:
                return known[time]
            self.host_syncs += 1
            return self._event.at(time, interpolate(time))

        resolution = 4 * sys.float_info.epsilon
        nearest = max(abs(start), abs(end), sys.float_info.min / resolution)
        with torch.no_grad():
            self.time = float(brentq(value, start, end, xtol=resolution * nearest, rtol=resolution))
        return self.time


def _clock(time: float, y: Tensor) -> Tensor:
    return torch.full((), time, dtype=torch.float64, device=y.device)
