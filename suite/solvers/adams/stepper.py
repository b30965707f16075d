"""Steps of Adams methods: prediction from the past, correction, and the start where there is no past."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from suite.solvers.adams.extrapolation import ExtrapolatedMidpoint
from suite.solvers.adams.weights import adams_weights, relative_nodes, weighted_sum
from suite.solvers.grid_loop import GridStep
from suite.solvers.problem import Problem
from suite.solvers.runge_kutta import Field, RungeKutta
from suite.solvers.stage_sum import Time
from suite.solvers.tableaus import heun2, heun3, rk4
from suite.solvers.times import clock_of

_STARTERS = {2: heun2, 3: heun3, 4: rk4, 5: rk4}  # an error of h^5 in the few first steps is one of order 5


@dataclass(eq=False)
class AdamsStep:
    """One step of an Adams method: the integral of the polynomial through some slopes.

    Attributes:
        start: Time at the start.
        size: Signed step size.
        y0: State at the start.
        y1: State at the end.
        nodes: Times of the slopes, relative to the step.
        slopes: The slopes.
        f1: Field at the end; None until it is known.
    """

    start: Time
    size: Time
    y0: Tensor
    y1: Tensor
    nodes: tuple[Time, ...]
    slopes: tuple[Tensor, ...]
    f1: Tensor | None = None

    def complete(self, field: Field) -> None:
        """Nothing is missing: the polynomial runs through slopes that are known."""

    def interpolate(self, t: Time) -> Tensor:
        """Return the state at a time inside the step, by the integral up to there: of the method's own order."""
        weights = adams_weights(self.nodes, (t - self.start) / self.size)
        return weighted_sum(self.y0, self.slopes, weights, self.size)


class Corrector(Protocol):
    """Turns an explicit Adams step into an implicit one."""

    def correct(self, field: Field, clock: Tensor, predicted: AdamsStep) -> AdamsStep:
        """Return the corrected step, given the time at its end as the field sees it."""
        ...


class AdamsStepper:
    """Takes explicit Adams steps (Bashforth), and implicit ones with a corrector.

    The first steps, for which there is no past, are Runge-Kutta steps of the same order (of order 4 at order 5, and
    extrapolated midpoint steps above): their error, made a fixed number of times, is of the method's order or less.

    Args:
        problem: The problem.
        order: The order of the method, corrector included.
        slopes: How many slopes a prediction takes, with that at its start: its order.
        corrector: Makes the steps implicit.
    """

    def __init__(self, problem: Problem, order: int, slopes: int, corrector: Corrector | None = None) -> None:
        layout = problem.field.layout
        self._dtype, self._device = layout.time_dtype, layout.device
        self._slopes, self._corrector = slopes, corrector
        self._past: list[tuple[Time, Tensor]] = []
        self._latest: list[tuple[Time, Tensor]] = []
        self._starter: RungeKutta | ExtrapolatedMidpoint
        if order <= max(_STARTERS):
            self._starter = RungeKutta(_STARTERS.get(order, heun2), problem.y0)
        else:
            self._starter = ExtrapolatedMidpoint(order - 1, self._clock)

    def step(self, field: Field, t: Time, h: Time, y: Tensor, f0: Tensor | None) -> GridStep:
        """Take one step from ``(t, y)`` over ``h``, where the field is ``f0`` if it is known."""
        if f0 is None:
            f0 = field(self._clock(t), y)
        self._latest = [(t, f0), *self._past][: self._slopes]
        if len(self._latest) < self._slopes:
            return self._starter.step(field, t, h, y, f0)
        nodes = relative_nodes([time for time, _ in self._latest], t, h)
        slopes = tuple(slope for _, slope in self._latest)
        predicted = AdamsStep(t, h, y, weighted_sum(y, slopes, adams_weights(nodes), h), nodes, slopes)
        if self._corrector is None:
            return predicted
        return self._corrector.correct(field, self._clock(t + h), predicted)

    def accept(self) -> None:
        """Say that the walk goes on from the last step."""
        self._past = self._latest

    def _clock(self, time: Time) -> Tensor:
        return clock_of(time, self._dtype, self._device)
