"""Steps taken again under autograd, and their vector-Jacobian product: the discrete adjoint of a solve."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from suite.gradients.recorded_steps import RecordedSteps
from suite.solvers.errors import InvalidProblemError
from suite.solvers.grid_loop import GridStep
from suite.solvers.options import FixedGridOptions
from suite.solvers.runge_kutta import RungeKutta
from suite.solvers.stage_sum import Time
from suite.solvers.tableau import ButcherTableau
from suite.solvers.times import clock_of
from suite.solvers.vector_field import PackedField

Carried = tuple[Tensor, ...]
"""What a method carries from step to step: the state first."""


class Retaking(ABC):
    """Takes recorded steps again."""

    def __init__(self, field: PackedField, steps: RecordedSteps) -> None:
        self.field, self.steps = field, steps
        self.taken = 0

    @abstractmethod
    def take(self, index: int, t: Time, h: Time, carried: Carried, f0: Tensor | None) -> tuple[GridStep, Carried]:
        """Take a step again from ``t`` over ``h``; return it and what is carried after it.

        Args:
            index: Which step.
            t: Its start.
            h: Its size.
            carried: What is carried before it.
            f0: The field at its start where it is known.
        """

    def advance(self, first: int, last: int, carried: Carried) -> Carried:
        """Take steps again without recording them for autograd."""
        f0 = None
        with torch.no_grad():
            for index in range(first, last):
                start, size = self.steps.starts[index], self.steps.sizes[index]
                step, carried = self.take(index, start, size, carried, f0)
                f0 = step.f1
                self.taken += 1
        return carried

    def clock(self, time: Time) -> Tensor:
        """Return a time as the vector field sees it."""
        layout = self.field.layout
        return clock_of(time, layout.time_dtype, layout.device)


class RetakenRungeKutta(Retaking):
    """Takes the steps of an explicit Runge-Kutta method again."""

    def __init__(self, field: PackedField, steps: RecordedSteps, tableau: ButcherTableau, like: Tensor) -> None:
        super().__init__(field, steps)
        # Taken one by one, a step has no use for the field at its end, except as the limit before a jump.
        jumps = any(steps.jumps(index) for index in range(len(steps) + 1))
        self._method = RungeKutta(tableau if jumps else tableau.without_last_stage, like)

    def take(self, index: int, t: Time, h: Time, carried: Carried, f0: Tensor | None) -> tuple[GridStep, Carried]:
        """Take a step again; the field just past a jump is evaluated there."""
        if self.steps.jumps(index):
            start, end = self.clock(self.steps.point(index)), self.clock(self.steps.point(index + 1))
            # A shift, so that autograd still follows the time.
            f0 = self.field(self.clock(t) + (torch.nextafter(start, end) - start), carried[0])
        inside = self.steps.jumps(index + 1)
        step = self._method.step(self.field, t, h, carried[0], f0, inside=inside)
        self._method.accept()
        return step, (step.y1,)


class PullBack:
    """Pulls the adjoint back over recorded steps, and gathers the gradients of parameters and times on the way.

    Args:
        retaking: Takes the steps again.
        cotangents: Gradient of the loss with respect to the packed outputs, shape ``[outputs, *state]``.
        parameters: Parameters whose gradient is wanted.
        t: Output times, where their gradients are wanted too.

    Attributes:
        parameter_gradients: One for each parameter, as far as the steps have been pulled back.
        time_gradients: Likewise those of the output times, shape ``[outputs]``; None where they are not wanted.

    Raises:
        InvalidProblemError: When those of the times are wanted for a grid that the user made from them.
    """

    def __init__(
        self, retaking: Retaking, cotangents: Tensor, parameters: tuple[Tensor, ...], t: Tensor | None
    ) -> None:
        self._retaking, self._steps = retaking, retaking.steps
        self._cotangents, self._parameters, self._with_times = cotangents, parameters, t is not None
        settings = retaking.steps.settings
        if t is not None and isinstance(settings, FixedGridOptions) and settings.grid_constructor is not None:
            raise InvalidProblemError("gradients with respect to t through a grid_constructor need gradient=None")
        self._linear = isinstance(settings, FixedGridOptions) and settings.interp == "linear"
        self.parameter_gradients = [torch.zeros_like(parameter) for parameter in parameters]
        self.time_gradients = None if t is None else torch.zeros_like(t)

    def __call__(self, first: int, last: int, carried: Carried, adjoint: Carried) -> Carried:
        """Return the adjoint of what is carried before step ``first`` from that before step ``last``.

        Args:
            first: First step to take again.
            last: The one after the last.
            carried: What is carried before the first step.
            adjoint: Gradient of the loss with respect to what is carried after the last, its outputs left out.
        """
        leaves = tuple(tensor.detach().requires_grad_() for tensor in carried)
        times: list[tuple[int, Tensor, Tensor]] = []
        dues: dict[int, Tensor] = {}
        outputs, weights = [], []
        f0 = None
        with torch.enable_grad():
            carried = leaves
            for index in range(first, last):
                start: Time = self._steps.starts[index]
                size: Time = self._steps.sizes[index]
                if self._with_times:
                    start, size = _leaf(start), _leaf(size)
                    times.append((index, start, size))
                step, carried = self._retaking.take(index, start, size, carried, f0)
                for output in self._steps.outputs.get(index, ()):
                    outputs.append(self._output(output, index, step, dues))
                    weights.append(self._cotangents[output])
                f0 = step.f1
        self._retaking.taken += last - first
        inputs = (*leaves, *self._parameters, *(leaf for _, *pair in times for leaf in pair), *dues.values())
        found = torch.autograd.grad([*carried, *outputs], inputs, [*adjoint, *weights], allow_unused=True)
        products = [torch.zeros_like(x) if g is None else g for x, g in zip(inputs, found, strict=True)]
        gradients = products[len(leaves) : len(leaves) + len(self._parameters)]
        if gradients:
            torch._foreach_add_(self.parameter_gradients, gradients)
        if self.time_gradients is not None:
            self._add_times(self.time_gradients, times, dues, products[len(leaves) + len(self._parameters) :])
        return tuple(products[: len(leaves)])

    def _output(self, output: int, index: int, step: GridStep, dues: dict[int, Tensor]) -> Tensor:
        """Return an output as the solve made it: the end of a step, or a state inside it."""
        steps = self._steps
        last = output == len(steps.values) - 1
        moves_along = steps.grid_is_outputs or (last and not isinstance(steps.settings, FixedGridOptions))
        due: Time = steps.values[output]
        if due == steps.point(index + 1) and (moves_along or not self._with_times):
            return step.y1
        if self._with_times:
            due = dues[output] = _leaf(due)
        if self._linear:
            fraction = (due - step.start) / step.size
            if isinstance(fraction, Tensor):
                fraction = fraction.to(step.y0.dtype)
            return step.y0 + fraction * (step.y1 - step.y0)
        step.complete(self._retaking.field)
        return step.interpolate(due)

    def _add_times(
        self, total: Tensor, times: list[tuple[int, Tensor, Tensor]], dues: dict[int, Tensor], products: list[Tensor]
    ) -> None:
        """Add the gradients of starts, sizes and outputs to the output times that they move with."""
        steps, values = self._steps, iter(products)
        for index, _, _ in times:
            by_start, by_size = next(values), next(values)
            for point, gradient in ((index, by_start - by_size), (index + 1, by_size)):
                output = steps.moves_with(point)
                if output is not None:
                    total[output] += gradient
        for output, gradient in zip(dues, values, strict=True):
            total[output] += gradient


def _leaf(time: Time) -> Tensor:
    return torch.tensor(time, dtype=torch.float64, requires_grad=True)
