"""Adaptive stepping: one accepted step at a time."""

from __future__ import annotations

import torch
from torch import Tensor

from suite.solvers.callbacks import Callbacks
from suite.solvers.error_norm import ErrorScale
from suite.solvers.errors import NonFiniteError, StepLimitError, StepUnderflowError
from suite.solvers.initial_step import initial_step
from suite.solvers.runge_kutta import Field, RungeKutta, Step
from suite.solvers.solution import Statistics
from suite.solvers.stage_sum import Time, neighbour
from suite.solvers.step_control import StepController, resolvable
from suite.solvers.times import clock_of, number


class AdaptiveIntegrator:
    """Advances a packed state with error control; ``step`` takes one accepted step.

    Attributes:
        time: Where it stands.
        y: State there.
        f: Field there, or None where it is not known.
    """

    def __init__(
        self,
        method: RungeKutta,
        field: Field,
        start: Time,
        direction: int,
        y: Tensor,
        scale: ErrorScale,
        controller: StepController,
        statistics: Statistics,
        *,
        first_step: float | None = None,
        callbacks: Callbacks | None = None,
    ) -> None:
        self._method, self._field, self._scale, self._controller = method, field, scale, controller
        self._direction, self._statistics, self._callbacks = direction, statistics, callbacks
        self._clock = start  # a tensor where gradients with respect to times are wanted
        self.time = number(start)
        self.y = y
        self.f: Tensor | None = None
        self._magnitude: Tensor | None = None
        self._previous_error = 1.0
        self._proposal = first_step
        self._tries = 0

    def reset(self, time: float, y: Tensor) -> None:
        """Go on from another state or time; the step size stays as it is."""
        self.time, self._clock = time, time
        self.replace_state(y)

    def replace_state(self, y: Tensor) -> None:
        """Go on from another state at the present time."""
        self.y, self.f, self._magnitude = y, None, None

    def cross_discontinuity(self) -> None:
        """Evaluate the field anew just past the present time, where it jumps."""
        now = self._now()
        self.f = self._field(neighbour(now, now + self._direction), self.y)

    def interpolable(self, step: Step) -> Step:
        """Make sure that the last step can be interpolated."""
        if step.f1 is None and not step.inside:
            step.f1 = self.field()
        step.complete(self._field)
        return step

    def step(self, stop: Time, *, discontinuity: bool = False) -> Step:
        """Take one accepted step that does not pass ``stop``.

        Args:
            stop: A time ahead; the step ends exactly there when it would come within a hundredth of its size of it.
            discontinuity: Whether the field jumps at ``stop``.

        Raises:
            NonFiniteError: When state or field are not finite however small the step.
            StepUnderflowError: When no step that the time can resolve is accurate enough.
            StepLimitError: When ``max_num_steps`` steps have been tried.
        """
        controller, callbacks, method, statistics = self._controller, self._callbacks, self._method, self._statistics
        time, y, sizes = self.time, self.y, None
        if self._proposal is None:
            started = method.start(time, self._direction, y, self.f)
            if started is not None:
                sizes, self.f = started
        f0 = self.field()
        if self._proposal is None:
            statistics.host_syncs += 1
            self._proposal = initial_step(
                self._field, time, self._direction, y, f0, controller.order, self._scale, sizes
            )
        end = number(stop)
        remaining = abs(end - time)
        while True:
            if self._tries >= controller.max_num_steps:
                raise self._limit()
            self._tries += 1
            proposed = controller.clip(self._proposal)
            lands = controller.lands(proposed, remaining)
            size = remaining if lands else proposed
            signed: Time = stop - self._clock if lands else self._direction * size
            if callbacks is not None:
                callbacks.step(time, y, size)
            step = method.step(self._field, self._clock, signed, y, f0, inside=lands and discontinuity)
            error, magnitude = self._error(step, size)
            accepted = controller.accepts(error, min(proposed, remaining))
            grown = size * controller.factor(error, self._previous_error)
            # A step shortened to land on a stop says little about the size that the error allows.
            self._proposal = max(grown, proposed) if lands and accepted else grown
            if accepted:
                break
            statistics.rejected += 1
            if callbacks is not None:
                callbacks.reject_step(time, y, size)
            self._require_resolvable(step, self._proposal)
        method.accept()
        if callbacks is not None:
            callbacks.accept_step(time, y, size)
        statistics.accepted += 1
        statistics.error_estimate = error
        self._previous_error = controller.remembered(error)
        self.time = end if lands else time + number(signed)
        self._clock = stop if lands else self._clock + signed
        self.y, self.f, self._magnitude = step.y1, step.f1, magnitude
        return step

    def field(self) -> Tensor:
        """Return the field at the present time; evaluated only where it is not known."""
        if self.f is None:
            self.f = self._field(self._now(), self.y)
        return self.f

    def _now(self) -> Tensor:
        return clock_of(self._clock, self.y.dtype.to_real(), self.y.device)

    def _limit(self) -> StepLimitError:
        return StepLimitError(
            f"max_num_steps = {self._tries} steps were tried, and the solution has reached only t = {self.time:g}; "
            "raise the limit, loosen the tolerance, or look for stiffness",
            self.time,
        )

    def _error(self, step: Step, size: float) -> tuple[float, Tensor | None]:
        """Return the error in units of the tolerance, and absolute values of the state at the end of the step."""
        if step.error_ratio is not None:  # a step that measures its error needs no magnitudes
            self._statistics.host_syncs += 1
            return float(step.error_ratio), None
        if torch.is_grad_enabled():
            with torch.no_grad():
                return self._error(step, size)
        self._statistics.host_syncs += 1
        scale, before = self._scale, self._magnitude
        if before is None:
            before = self._magnitude = scale.magnitude(self.y)
        magnitude = scale.magnitude(step.y1)
        return size * scale.ratio(step.local_error(scale.entries), before, magnitude), magnitude

    def _require_resolvable(self, step: Step, size: float) -> None:
        if resolvable(size, self.time):
            return
        for what, value in (("state", self.y), ("vector field", step.stages)):
            if not bool(value.detach().isfinite().all()):
                raise NonFiniteError(f"the {what} is not finite at or just after t = {self.time:g}", self.time)
        raise StepUnderflowError(
            f"underflow in the step size at t = {self.time:g}: no step that the time can resolve meets the tolerance; "
            "the problem may be stiff or singular there",
            self.time,
        )
