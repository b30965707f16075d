"""The reverse solve of the continuous adjoint: from the last output back to the first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from suite.gradients.augmented import AugmentedField
from suite.gradients.variants import Variant
from suite.solvers import fixed_grid
from suite.solvers.adaptive import AdaptiveIntegrator
from suite.solvers.error_norm import ErrorScale, MixedNorm, Norm
from suite.solvers.method import ExplicitRungeKutta
from suite.solvers.options import AdaptiveOptions, FixedGridOptions, read_options
from suite.solvers.runge_kutta import RungeKutta, Step
from suite.solvers.solution import Statistics
from suite.solvers.times import check_times, number
from suite.solvers.vector_field import PackedField

_GAUSS_NODES, _GAUSS_WEIGHTS = (np.polynomial.legendre.leggauss(3)[i] for i in range(2))  # of order 6

# Drift, in units of the tolerance, beyond which the reverse solve goes back to a stored output. Stored outputs are
# accurate to a few tolerances themselves, and so is the dense output they are compared with: going back for less was
# measured to cost up to 1.9 times the evaluations and to make gradients worse at tolerances below 1e-7.
_DRIFT = 10.0


@dataclass(frozen=True, eq=False)
class ReverseProblem:
    """What the reverse solve starts from.

    Attributes:
        field: The vector field on the packed state.
        parameters: Parameters whose gradient is wanted.
        t: Output times, shape ``[outputs]``.
        states: The stored outputs, shape ``[outputs, n]``.
        cotangents: Gradient of the loss with respect to each, shape ``[outputs, n]``.
        method: Method of the reverse solve.
        rtol: Its relative tolerance.
        atol: Its absolute tolerance.
        options: Its options.
        variant: Which adjoint.
        norm: A norm of the user's, of ``(t, y, adjoint, *parameter_adjoints)``; None for the variant's own.
    """

    field: PackedField
    parameters: tuple[Tensor, ...]
    t: Tensor
    states: Tensor
    cotangents: Tensor
    method: ExplicitRungeKutta
    rtol: float
    atol: float
    options: Mapping[str, Any] | None
    variant: Variant
    norm: Norm | None


def reverse(problem: ReverseProblem) -> tuple[Tensor, list[Tensor], dict[int, Tensor]]:
    """Return ``dL/dy`` at the first time, without the cotangent of the first output, and ``dL/dparameters``.

    Returns:
        The adjoint just after ``t[0]``, shape ``[n]``; one flat gradient for each parameter; and the field at every
        output on which the loss depends, except the first, by index.
    """
    solver = _FixedReverse(problem) if not problem.method.adaptive else _AdaptiveReverse(problem)
    solver.run()
    n = problem.states.shape[1]
    return solver.z[n : 2 * n], solver.parameter_gradients(), solver.fields


class _Reverse:
    """The augmented state ``z = (y, a, g)`` on its way back."""

    def __init__(self, problem: ReverseProblem) -> None:
        self.problem = problem
        self.values = check_times(problem.t)
        self.n = problem.states.shape[1]
        inside = () if problem.variant == "quadrature" else problem.parameters
        self.augmented = AugmentedField(problem.field, inside)
        size = sum(parameter.numel() for parameter in inside)
        last = len(self.values) - 1
        gradient = problem.states.new_zeros(size)
        self.z = torch.cat([problem.states[last], problem.cotangents[last], gradient])
        self.method = RungeKutta(problem.method.tableau, self.z, read=2 * self.n)
        self.fields: dict[int, Tensor] = {}

    def parameter_gradients(self) -> list[Tensor]:
        """Return one flat gradient for each parameter, once the solve is done."""
        return list(self.z[2 * self.n :].split([parameter.numel() for parameter in self.problem.parameters]))

    def at_output(self, index: int, z: Tensor) -> Tensor:
        """Return ``z`` with the stored state in place of the reconstructed one and the output's cotangent added."""
        n = self.n
        return torch.cat([self.problem.states[index], z[n : 2 * n] + self.problem.cotangents[index], z[2 * n :]])


class _FixedReverse(_Reverse):
    """Fixed steps, output by output: always from the stored state."""

    def run(self) -> None:
        problem = self.problem
        options = read_options(problem.options, FixedGridOptions, AdaptiveOptions)
        last = len(self.values) - 1
        for index in range(last, 0, -1):
            interval, ends = problem.t[[index, index - 1]].detach(), [self.values[index], self.values[index - 1]]
            points = fixed_grid.grid(options, problem.field.vector_field, self.z, interval, ends, list(ends))
            for start, end in pairwise(points.values):
                clock = torch.as_tensor(start, dtype=problem.field.layout.time_dtype, device=self.z.device)
                f0 = self.augmented(clock, self.z)
                if index not in self.fields:
                    self.fields[index] = f0[: self.n].clone()
                step = self.method.step(self.augmented, start, end - start, self.z, f0)
                self.z = step.y1
            if index > 1:
                self.z = self.at_output(index - 1, self.z)


class _AdaptiveReverse(_Reverse):
    """Adaptive steps through all outputs.

    A step ends on an output only where the loss depends on that output. At every other output the reconstructed state
    is compared with the stored one inside the step; where they differ by more than ten tolerances, the solve goes back
    to that output and on from the stored state. Without this a contracting field, which is expanding in reverse,
    gives wrong gradients.
    """

    def __init__(self, problem: ReverseProblem) -> None:
        super().__init__(problem)
        self.settings: AdaptiveOptions = read_options(problem.options, AdaptiveOptions, FixedGridOptions)
        self.statistics = Statistics()
        self.direction = 1 if self.values[0] > self.values[-1] else -1
        self.scale = self._scale()
        self.drift = ErrorScale(problem.rtol, problem.atol, MixedNorm(tuple(problem.field.layout.sizes)), self.n)
        self.outside = problem.variant == "quadrature" and len(problem.parameters) > 0
        self.quadratures = [torch.zeros_like(parameter).reshape(-1) for parameter in problem.parameters]
        self.integrator = self._integrator(len(self.values) - 1)

    def run(self) -> None:
        carries = (self.problem.cotangents != 0).any(dim=1).tolist()
        every = self.problem.variant == "segments"
        last = len(self.values) - 1
        stops = [index for index in range(last - 1, 0, -1) if every or carries[index]]
        above = last
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
            self.integrator.field_at_end(step)
        while watched > stop and self.direction * (self.values[watched] - self.integrator.time) <= 0:
            time, stored = self.values[watched], self.problem.states[watched]
            watched -= 1
            rebuilt = self.integrator.field_at_end(step).interpolate(time)
            if self._drifted(rebuilt[: self.n], stored):
                self.integrator.reset(time, torch.cat([stored, rebuilt[self.n :]]))
                break
        return watched

    def _drifted(self, rebuilt: Tensor, stored: Tensor) -> bool:
        return self.drift.ratio(rebuilt - stored, stored.abs()) > _DRIFT

    def _add_quadrature(self, step: Step, end: float) -> None:
        """Add the integral of ``-a df/dtheta`` over a step, or the part of it that was kept, by Gauss quadrature."""
        start = number(step.start)
        dtype = self.problem.field.layout.time_dtype
        for node, weight in zip(_GAUSS_NODES, _GAUSS_WEIGHTS, strict=True):
            time = start + 0.5 * (node + 1) * (end - start)
            z = step.interpolate(time)
            clock = torch.full((), time, dtype=dtype, device=z.device)
            whole = AugmentedField(self.problem.field, self.problem.parameters)
            _, products = whole.products(clock, z[: self.n], z[self.n : 2 * self.n], with_state=False)
            torch._foreach_add_(self.quadratures, products, alpha=0.5 * weight * (end - start))

    def _integrator(self, index: int) -> AdaptiveIntegrator:
        return AdaptiveIntegrator(
            self.method,
            self.augmented,
            self.values[index],
            self.direction,
            self.z,
            self.scale,
            self.settings.controller(self.problem.method.order),
            self.statistics,
            first_step=self.settings.first_step,
        )

    def _scale(self) -> ErrorScale:
        problem, entries = self.problem, len(self.z)
        state_sizes = problem.field.layout.sizes
        sizes = [*state_sizes, *state_sizes, *(parameter.numel() for parameter in problem.parameters)]
        if problem.variant in ("seminorm", "quadrature"):
            entries = 2 * self.n
            sizes = [*state_sizes, *state_sizes]
        norm: Norm = MixedNorm(tuple(sizes))
        if problem.norm is not None:
            norm = self._users_norm(problem.norm, sizes)
        return ErrorScale(problem.rtol, problem.atol, norm, entries)

    def _users_norm(self, norm: Norm, sizes: list[int]) -> Norm:
        layout = self.problem.field.layout
        shapes = [*layout.shapes, *layout.shapes, *(parameter.shape for parameter in self.problem.parameters)]
        shapes = shapes[: len(sizes)]

        def of_parts(flat: Tensor) -> Tensor:
            parts = (part.reshape(shape) for part, shape in zip(flat.split(sizes), shapes, strict=True))
            # torchdiffeq's augmented state begins with the adjoint of time, which needs no integration here.
            return norm((flat.new_zeros(()), *parts))

        return of_parts
