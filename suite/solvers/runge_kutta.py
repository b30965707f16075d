"""One step of an explicit Runge-Kutta method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from suite.solvers.coefficients import Coefficients, bind
from suite.solvers.stage_buffer import StageBuffer
from suite.solvers.stage_sum import Time, stage_sum
from suite.solvers.tableau import ButcherTableau

Field = Callable[[Tensor, Tensor], Tensor]


# Up to so many stages, adding them up one by one costs less than keeping them in a buffer (measured on a CPU).
_FEW_STAGES = 4


@dataclass(eq=False)
class Step:
    """One step of an explicit Runge-Kutta method, from ``start`` over ``size``.

    Its stages are valid until the step after the next is tried, unless the method keeps its steps.

    Attributes:
        start: Time at the start.
        size: Signed step size.
        y0: State at the start.
        y1: State at the end.
        slopes: Stage derivatives, a sequence of them or all in one tensor of shape ``[stages, *state]``.
        f1: Field at the end; None until it is known (it comes free with first-same-as-last methods).
    """

    coefficients: Coefficients
    start: Time
    size: Time
    y0: Tensor
    y1: Tensor
    slopes: Tensor | Sequence[Tensor]
    f1: Tensor | None

    @property
    def stages(self) -> Tensor:
        """Stage derivatives, shape ``[n, stages]``."""
        stages = self.slopes if isinstance(self.slopes, Tensor) else torch.stack(list(self.slopes))
        return stages.view(len(stages), -1).t()

    def local_error(self, entries: int | None) -> Tensor:
        """Return the embedded error estimate per unit of step size: of the state, or of its first entries."""
        weights = self.coefficients.error
        if weights is None:
            raise TypeError("a tableau without an embedded solution has no error estimate")
        if entries is None:
            return torch.mv(self.stages, weights).view(self.y0.shape)
        return torch.mv(self.stages[:entries], weights)

    def interpolate(self, t: Time) -> Tensor:
        """Return the state at a time inside the step, by the method's continuous extension."""
        if self.f1 is None:
            raise TypeError("dense output needs the field at the end of the step")
        coefficients = self.coefficients
        powers = torch.pow((t - self.start) / self.size, coefficients.powers)
        weights = torch.mv(coefficients.polynomials, powers.to(coefficients.polynomials.dtype))
        count = len(self.slopes)
        inside = self.y0 + self.size * torch.mv(self.stages, weights[:count]).view(self.y0.shape)
        if coefficients.first_same_as_last:
            return inside
        return inside + weights[count] * self.size * self.f1


class RungeKutta:
    """Steps an explicit tableau for states of one shape, dtype and device.

    Args:
        tableau: The method.
        like: A state.
        keep: Whether steps stay valid for ever; otherwise two buffers take turns.
        read: How many leading entries of a state that is a vector the field reads; the rest are quadratures, for
            which no stage states are formed. All by default.
    """

    def __init__(self, tableau: ButcherTableau, like: Tensor, *, keep: bool = False, read: int | None = None) -> None:
        self.tableau = tableau
        self.coefficients = bind(tableau, like.dtype, like.device)
        self._keep, self._read = keep, read
        self._few = read is None and tableau.stages <= _FEW_STAGES
        self._on_host = like.device.type == "cpu"
        self._spare: StageBuffer | None = None
        self._accepted: StageBuffer | None = None

    def step(self, field: Field, t: Time, h: Time, y: Tensor, f0: Tensor | None, *, inside: bool = False) -> Step:
        """Take one step.

        Args:
            field: Vector field on the packed state.
            t: Time at the start.
            h: Signed step size.
            y: State.
            f0: Field at the start; evaluated where it is None.
            inside: Evaluate the stages at the largest representable times before their own, for a step that ends on a
                discontinuity.
        """
        clocks = self._clocks(t, h, inside)
        if f0 is None:
            f0 = field(clocks[0], y)
        if self._few or isinstance(h, Tensor) or torch.is_grad_enabled():
            return self._listed(field, t, h, y, f0, clocks)
        return self._buffered(field, t, h, y, f0, clocks)

    def _clocks(self, t: Time, h: Time, inside: bool) -> Sequence[Tensor]:
        """Return the time of every stage, as the vector field sees it."""
        coefficients = self.coefficients
        if self._on_host and not (inside or isinstance(h, Tensor) or isinstance(t, Tensor)):
            dtype = coefficients.nodes.dtype
            times = [torch.scalar_tensor(t + node * h, dtype=dtype) for node in coefficients.node_numbers]
            return [times[index] for index in coefficients.node_of_stage]
        several = coefficients.nodes * h + t
        return (torch.nextafter(several, several[0]) if inside else several).unbind()

    def accept(self) -> None:
        """Say that the last step tried was accepted: its stages stay valid while the next step is tried."""
        self._accepted, self._spare = (None, None) if self._keep else (self._spare, self._accepted)

    def _listed(self, field: Field, t: Time, h: Time, y: Tensor, f0: Tensor, clocks: Sequence[Tensor]) -> Step:
        """Take a step that autograd may record: no buffer may be written twice."""
        coefficients, last = self.coefficients, self.tableau.stages - 1
        slopes, state = [f0], y
        for i in range(1, last + 1):
            state = stage_sum(y, slopes, coefficients.row_terms[i], h)
            slopes.append(field(clocks[i], state))
        if coefficients.first_same_as_last:
            return Step(coefficients, t, h, y, state, slopes, slopes[-1])
        return Step(coefficients, t, h, y, stage_sum(y, slopes, coefficients.weight_terms, h), slopes, None)

    def _buffered(self, field: Field, t: Time, h: float, y: Tensor, f0: Tensor, clocks: Sequence[Tensor]) -> Step:
        """Take a step in one ``[stages, *state]`` buffer: a fused call for each stage."""
        coefficients, last, read = self.coefficients, self.tableau.stages - 1, self._read
        buffer = self._spare
        if buffer is None:
            buffer = self._spare = StageBuffer(last + 1, f0, read)
        rows, slopes = coefficients.rows, buffer.rows
        slopes[0].copy_(f0)
        start = y.reshape(-1)
        partial = start if read is None else start[:read]
        for i in range(1, last + 1):
            if i == last and coefficients.first_same_as_last:
                break
            state = torch.addmv(partial, buffer.before[i], rows[i], alpha=h)
            slopes[i].copy_(field(clocks[i], state if read is not None else state.view(y.shape)))
        if not coefficients.first_same_as_last:
            end = torch.addmv(start, buffer.whole[last + 1], coefficients.weights, alpha=h).view(y.shape)
            return Step(coefficients, t, h, y, end, buffer.stages, None)
        end = torch.addmv(start, buffer.whole[last], rows[last], alpha=h).view(y.shape)
        slopes[last].copy_(field(clocks[last], end if read is None else end[:read]))
        return Step(coefficients, t, h, y, end, buffer.stages, slopes[last])
