"""The reverse solve with step-size control, through all outputs in one go."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from suite.gradients.augmented import AugmentedField
from suite.gradients.reverse_problem import Reverse, ReverseProblem
from suite.solvers.adaptive import AdaptiveIntegrator
from suite.solvers.callbacks import Callbacks
from suite.solvers.error_norm import ErrorScale, MixedNorm
from suite.solvers.method import ExplicitRungeKutta
from suite.solvers.options import AdaptiveOptions, FixedGridOptions, read_options
from suite.solvers.runge_kutta import Step
from suite.solvers.times import number

_GAUSS_NODES, _GAUSS_WEIGHTS = (np.polynomial.legendre.leggauss(3)[i] for i in range(2))  # of order 6

# Drift, in units of the tolerance, beyond which the reverse solve goes back to a stored output. Stored outputs are
# accurate to a few tolerances themselves, and so is the dense output they are compared with: going back for less was
# measured to cost up to 1.9 times the evaluations and to make gradients worse at tolerances below 1e-7.
DRIFT = 10.0


class AdaptiveReverse(Reverse):
    """Adaptive steps through all outputs.

    A step ends on an output only where the loss depends on that output. At every other output the reconstructed state
    is compared with the stored one inside the step; where they differ by more than ten tolerances, the solve goes back
    to that output and on from the stored state. Without this a contracting field, which is expanding in reverse,
    gives wrong gradients.
    """

    def __init__(self, problem: ReverseProblem) -> None:
        super().__init__(problem)
        if not isinstance(problem.method, ExplicitRungeKutta):
            raise TypeError("adaptive reverse steps need a tableau")
        inner = len(self.values) > 2 or problem.variant == "quadrature"
        self.method, self.stepped = self.stepper(problem.method.tableau, interpolated=inner)
        self.settings: AdaptiveOptions = read_options(problem.options, AdaptiveOptions, FixedGridOptions)
        self.direction = 1 if self.values[0] > self.values[-1] else -1
        self.scale = problem.scale()
        self.method.measure(self.scale)
        self.drift = ErrorScale(problem.rtol, problem.atol, MixedNorm(tuple(problem.field.layout.sizes)), self.n)
        self.outside = problem.variant == "quadrature" and len(problem.parameters) > 0
        self.whole = AugmentedField(problem.field, problem.parameters)
        separate = problem.parameters if problem.variant == "quadrature" else ()
        self.quadratures = [torch.zeros_like(parameter).reshape(-1) for parameter in separate]
        self.integrator = self._integrator(len(self.values) - 1)

    def run(self) -> None:
        """Solve from the last output back to the first."""
        every = self.problem.variant == "segments"
        above = last = len(self.values) - 1
        stops = [*range(last - 1, 0, -1)]
        if stops and not every:
            self.problem.statistics.host_syncs += 1
            carries = (self.problem.cotangents != 0).any(dim=1).tolist()
            stops = [index for index in stops if carries[index]]
        self._start(last)
        for stop in [*stops, 0]:
            self._advance(above, stop)
            if stop > 0:
                self.z = self.at_output(stop, self.integrator.y)
                if every:
                    self.integrator = self._integrator(stop)
                else:
                    self.integrator.replace_state(self.z)
                self._start(stop)
            above = stop
        self.z = self.integrator.y

    def parameter_gradients(self) -> list[Tensor]:
        """Return one flat gradient for each parameter, once the solve is done."""
        return self.quadratures if self.problem.variant == "quadrature" else super().parameter_gradients()

    def _start(self, index: int) -> None:
        """Keep the field at an output, and make ready to go on from there."""
        self.fields[index] = self.integrator.field()[: self.n].clone()
        if self.settings.jumps_at(self.values[index]):
            self.integrator.cross_discontinuity()

    def _advance(self, above: int, stop: int) -> None:
        """Integrate from output ``above`` to output ``stop``, watching the outputs between them."""
        watched = above - 1
        for time, jumps in self.settings.stops(self.values[above], self.values[stop]).items():
            while self.integrator.time != time:
                step = self.integrator.step(time, discontinuity=jumps)
                watched = self._go_back_where_drifted(step, watched, stop)
                if self.outside:
                    self._add_quadrature(step, self.integrator.time)
            if jumps and time != self.values[stop]:
                self.integrator.cross_discontinuity()

    def _go_back_where_drifted(self, step: Step, watched: int, stop: int) -> int:
        """Compare the outputs inside a step with the stored ones; return the next to watch."""
        if self.outside:
            self.integrator.interpolable(step)
        while watched > stop and self.direction * (self.values[watched] - self.integrator.time) <= 0:
            time, stored = self.values[watched], self.problem.states[watched]
            watched -= 1
            rebuilt = self.integrator.interpolable(step).interpolate(time)
            if self._drifted(rebuilt[: self.n], stored):
                self.integrator.reset(time, torch.cat([stored, rebuilt[self.n :]]))
                break
        return watched

    def _drifted(self, rebuilt: Tensor, stored: Tensor) -> bool:
        self.problem.statistics.host_syncs += 1
        return self.drift.ratio(rebuilt - stored, stored.abs()) > DRIFT

    def _add_quadrature(self, step: Step, end: float) -> None:
        """Add the integral of ``-a df/dtheta`` over a step, or the part of it that was kept, by Gauss quadrature."""
        start = number(step.start)
        dtype = self.problem.field.layout.time_dtype
        for node, weight in zip(_GAUSS_NODES, _GAUSS_WEIGHTS, strict=True):
            time = start + 0.5 * (node + 1) * (end - start)
            z = step.interpolate(time)
            clock = torch.full((), time, dtype=dtype, device=z.device)
            y, a = z[: 2 * self.n].view(2, *self.problem.field.layout.shape).unbind()
            products = [product.reshape(-1) for product in self.whole.parameter_parts(clock, y, a)]
            torch._foreach_add_(self.quadratures, products, alpha=0.5 * weight * (end - start))

    def _integrator(self, index: int) -> AdaptiveIntegrator:
        return AdaptiveIntegrator(
            self.method,
            self.stepped,
            self.values[index],
            self.direction,
            self.z,
            self.scale,
            self.settings.controller(self.problem.method.order),
            self.problem.statistics,
            first_step=self.settings.first_step,
            callbacks=Callbacks.of(self.augmented, lambda flat: flat),
        )
