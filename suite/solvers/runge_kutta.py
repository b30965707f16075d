"""One step of an explicit Runge-Kutta method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from suite.solvers.dense_output import continuous_extension
from suite.solvers.tableau import ButcherTableau

Field = Callable[[Tensor, Tensor], Tensor]
Time = float | Tensor
"""A time or a step: a Python number, or a 0-dimensional tensor where gradients with respect to times are wanted."""


def combine(y: Tensor, stages: Tensor, weights: Tensor, h: Time) -> Tensor:
    """Return ``y + h * sum_i weights[i] * stages[i]`` in one fused call (two where ``h`` is a tensor).

    Args:
        y: State, shape ``[n]``.
        stages: Stage derivatives, shape ``[stages, n]``.
        weights: One weight per stage, in the state's dtype.
        h: Step size.
    """
    if isinstance(h, Tensor):
        return torch.addcmul(y, torch.mv(stages.t(), weights), h.to(y.dtype))
    return torch.addmv(y, stages.t(), weights, alpha=h)


@dataclass(frozen=True, eq=False)
class _Coefficients:
    """A tableau as tensors of one dtype on one device."""

    nodes: Tensor
    rows: tuple[Tensor, ...]
    weights: Tensor
    error: Tensor | None
    polynomials: Tensor
    powers: Tensor


@cache
def _coefficients(tableau: ButcherTableau, dtype: torch.dtype, device: torch.device) -> _Coefficients:
    # Made outside any inference mode that happens to be on, since they are kept for solves that train.
    extension = continuous_extension(tableau)
    with torch.inference_mode(False):
        matrix = torch.as_tensor(tableau.coefficients, dtype=dtype, device=device)
        error = tableau.error_weights
        return _Coefficients(
            nodes=torch.as_tensor(tableau.nodes, dtype=dtype.to_real(), device=device),
            rows=tuple(matrix[i, :i].clone() for i in range(tableau.stages)),
            weights=torch.as_tensor(tableau.weights, dtype=dtype, device=device),
            error=None if error is None else torch.as_tensor(error, dtype=dtype, device=device),
            polynomials=torch.as_tensor(extension.polynomials, dtype=dtype, device=device),
            powers=torch.arange(1, extension.degree + 1, dtype=dtype.to_real(), device=device),
        )


@dataclass(eq=False)
class Step:
    """One step of a Runge-Kutta method, from ``start`` over ``size``.

    Attributes:
        start: Time at the start.
        size: Signed step size.
        y0: State at the start, shape ``[n]``.
        y1: State at the end, shape ``[n]``.
        stages: Stage derivatives, shape ``[stages, n]``.
        f1: Field at the end; None until it is known (it comes free with first-same-as-last methods).
    """

    method: RungeKutta
    start: Time
    size: Time
    y0: Tensor
    y1: Tensor
    stages: Tensor
    f1: Tensor | None

    def local_error(self, entries: int) -> Tensor:
        """Return the embedded error estimate of the first entries, per unit of step size. Shape ``[entries]``."""
        weights = self.method.coefficients.error
        if weights is None:
            raise TypeError("a tableau without an embedded solution has no error estimate")
        return torch.mv(self.stages[:, :entries].t(), weights)

    def interpolate(self, t: Time) -> Tensor:
        """Return the state at a time inside the step, by the method's continuous extension. Shape ``[n]``."""
        if self.f1 is None:
            raise TypeError("dense output needs the field at the end of the step")
        coefficients = self.method.coefficients
        theta = (t - self.start) / self.size
        powers = torch.pow(theta, coefficients.powers)
        weights = torch.mv(coefficients.polynomials, powers.to(coefficients.polynomials.dtype))
        count = len(self.stages)
        inside = combine(self.y0, self.stages, weights[:count], self.size)
        if self.method.tableau.first_same_as_last:
            return inside
        return inside + weights[count] * self.size * self.f1


class RungeKutta:
    """Steps an explicit tableau for states of one dtype on one device."""

    def __init__(self, tableau: ButcherTableau, like: Tensor) -> None:
        self.tableau = tableau
        self.coefficients = _coefficients(tableau, like.dtype, like.device)

    def step(
        self, field: Field, t: Time, h: Time, y: Tensor, f0: Tensor, *, read: int | None = None, inside: bool = False
    ) -> Step:
        """Take one step.

        Args:
            field: Vector field on the flat state.
            t: Time at the start.
            h: Signed step size.
            y: State, shape ``[n]``.
            f0: Field at the start, shape ``[n]``.
            read: How many leading entries of the state the field reads; the rest are quadratures, for which no stage
                states are formed. All by default.
            inside: Evaluate the stages at the largest representable times before their own, for a step that ends on a
                discontinuity.
        """
        tableau, coefficients = self.tableau, self.coefficients
        times = coefficients.nodes * h + t
        if inside:
            times = torch.nextafter(times, times[0])
        stages = _Stages(tableau.stages, f0)
        solution = None
        for i in range(1, tableau.stages):
            if tableau.first_same_as_last and i == tableau.stages - 1:
                solution = combine(y, stages.first(i), coefficients.rows[i], h)
                state = solution if read is None else solution[:read]
            elif read is None:
                state = combine(y, stages.first(i), coefficients.rows[i], h)
            else:
                state = combine(y[:read], stages.first(i)[:, :read], coefficients.rows[i], h)
            stages.append(field(times[i], state))
        everything = stages.first(tableau.stages)
        f1 = None if solution is None else everything[-1]
        if solution is None:
            solution = combine(y, everything, coefficients.weights, h)
        return Step(self, t, h, y, solution, everything, f1)


class _Stages:
    """The stage derivatives of a step, in one ``[stages, n]`` buffer; stacked anew where autograd records."""

    def __init__(self, count: int, first: Tensor) -> None:
        self._list = [first]
        self._buffer = None
        if not torch.is_grad_enabled():
            self._buffer = first.new_empty(count, len(first))
            self._buffer[0].copy_(first)

    def append(self, derivative: Tensor) -> None:
        if self._buffer is not None:
            self._buffer[len(self._list)].copy_(derivative)
        self._list.append(derivative)

    def first(self, count: int) -> Tensor:
        """Return the first ``count`` stages, shape ``[count, n]``."""
        return torch.stack(self._list[:count]) if self._buffer is None else self._buffer[:count]
