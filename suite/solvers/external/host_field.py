"""The vector field as solvers of scipy see it: a function of double-precision numpy vectors on the host."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from suite.solvers.error_norm import packed_tolerance
from suite.solvers.errors import IntegrationError, InvalidProblemError, NonFiniteError, StepUnderflowError
from suite.solvers.problem import Problem

Array = NDArray[Any]
Result = TypeVar("Result")

_CLOSE = 1e-8  # of the time span: what a field does so near to where a solver gives up is why it does


class HostField:
    """A vector field on the host. Every evaluation brings the state to the device and the slope back.

    Attributes:
        y0: The initial state as a vector of float64, or of complex128.

    Args:
        problem: The problem; its outputs are cut off from autograd, which cannot follow a solver on the host.
        compiled: Whether the solver is compiled: those of scipy go on when the field raises an error, into undefined
            states of the interpreter. Then the error is kept for ``guard``.
        as_real: Make of a complex state a real vector of twice its size, for solvers that know real numbers only.
    """

    def __init__(self, problem: Problem, *, compiled: bool, as_real: bool) -> None:
        if problem.event_fn is not None:
            raise InvalidProblemError("the solvers of scipy do not look for events here: take another method")
        self._problem = problem
        layout = problem.field.layout
        self._shape, self._dtype, self._device = problem.y0.shape, layout.dtype, layout.device
        self._time_dtype = layout.time_dtype
        self._as_real = as_real and layout.dtype.is_complex
        self._compiled = compiled
        self._error: BaseException | None = None
        self._not_finite_at = math.nan
        problem.outputs[0] = problem.y0 = problem.y0.detach()
        self.y0 = self._to_host(problem.y0)

    def __call__(self, t: float, y: Array) -> Array:
        """Return the slope; where the user's field has raised an error, not-a-number for a compiled solver."""
        if self._error is not None:
            return np.full_like(self.y0, math.nan)
        try:
            with torch.no_grad():
                clock = torch.tensor(t, dtype=self._time_dtype, device=self._device)
                slope = self._to_host(self._problem.field(clock, self.to_state(y)))
        except BaseException as error:
            self._error = error
            if not self._compiled:
                raise
            return np.full_like(self.y0, math.nan)
        if not np.isfinite(slope).all():
            self._not_finite_at = t
        return slope

    @property
    def raised(self) -> bool:
        """Whether the user's field has raised an error."""
        return self._error is not None

    def guard(self, call: Callable[[], Result]) -> Result:
        """Call a solver; what the field has raised meanwhile is raised in place of what the solver makes of it."""
        try:
            return call()
        finally:
            if self._error is not None:
                raise self._error from None

    def check_step(self, solver: str, before: float, time: float, y: Array) -> None:
        """Refuse a step of a solver that makes no headway, or whose state is not finite.

        Raises:
            NonFiniteError: When the state is not finite, or the field was not close by.
            StepUnderflowError: When the step is shorter than its time can resolve.
        """
        if not np.isfinite(y).all():
            raise NonFiniteError(f"the state is not finite just after t = {before:g}", before)
        if abs(time - before) <= 4 * sys.float_info.epsilon * abs(time):
            raise self.failure(solver, time, "its steps are too small for the time to resolve")

    def failure(self, solver: str, time: float, reason: str) -> IntegrationError:
        """Return the error to raise where a solver gives up."""
        span = max(abs(time), abs(self._problem.values[-1] - self._problem.values[0]))
        if abs(self._not_finite_at - time) <= _CLOSE * span:
            return NonFiniteError(f"the vector field is not finite at or just after t = {time:g}", time)
        return StepUnderflowError(f"{solver} gave up at t = {time:g}: {reason}", time)

    def to_state(self, y: Array) -> Tensor:
        """Return the packed state of a vector, always a copy: solvers write over theirs."""
        if self._as_real:
            y = np.ascontiguousarray(y).view(np.complex128)
        return torch.tensor(y, dtype=self._dtype, device=self._device).reshape(self._shape)

    def tolerances(self) -> tuple[float | Array, float | Array]:
        """Return the relative and the absolute tolerance, numbers or vectors like ``y0``."""
        given = (("rtol", self._problem.rtol), ("atol", self._problem.atol))
        rtol, atol = (packed_tolerance(name, tolerance, self._problem.field.layout) for name, tolerance in given)
        return self._spread(rtol), self._spread(atol)

    def _spread(self, tolerance: float | Tensor) -> float | Array:
        if not isinstance(tolerance, Tensor):
            return tolerance
        vector: Array = tolerance.detach().expand(self._shape).reshape(-1).to("cpu", torch.float64).numpy()
        return vector.repeat(2) if self._as_real else vector.copy()

    def _to_host(self, state: Tensor) -> Array:
        self._problem.statistics.host_syncs += 1
        flat = state.detach().reshape(-1).to("cpu", torch.complex128 if state.is_complex() else torch.float64)
        vector: Array = flat.resolve_conj().resolve_neg().numpy().copy()
        return vector.view(np.float64) if self._as_real else vector
