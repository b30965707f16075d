"""The reverse solve of the interpolated adjoint."""

from __future__ import annotations

from array import array
from itertools import pairwise

import torch
from torch import Tensor

from suite.gradients.augmented import AugmentedField
from suite.gradients.differentiated_call import DifferentiatedCall
from suite.gradients.stored_path import StoredPath
from suite.solvers.adaptive import AdaptiveIntegrator
from suite.solvers.error_norm import ErrorScale, MixedNorm
from suite.solvers.method import ExplicitRungeKutta
from suite.solvers.options import AdaptiveOptions, FixedGridOptions, read_options
from suite.solvers.runge_kutta import RungeKutta
from suite.solvers.vector_field import PackedField


class _PathField:
    """The field of ``(a, g)`` along a stored path, as one flat vector of which ``a`` alone is read."""

    def __init__(self, field: PackedField, parameters: tuple[Tensor, ...], path: StoredPath) -> None:
        self._augmented = AugmentedField(field, parameters)
        self._path, self._shape = path, field.layout.shape
        self.shapes = [self._shape, *(parameter.shape for parameter in parameters)]

    def __call__(self, t: Tensor, flat: Tensor) -> Tensor:
        return torch.cat([part.reshape(-1).to(flat.dtype) for part in self.parts(t, flat)])

    def parts(self, t: Tensor, flat: Tensor, *, quadratures: bool = True) -> list[Tensor]:
        y, a = self._path(t).view(self._shape), flat[: self._shape.numel()].view(self._shape)
        return self._augmented.products(t, y, a, self._augmented.parameters if quadratures else ())[1]


class ReverseAlongPath:
    """The reverse solve of ``(a, g)``, from the last output back to the first.

    Args:
        call: The call that is differentiated.
        tolerances: Relative and absolute tolerance of the reverse solve.
        path: The path of the forward solve.
        starts: Where its steps start.
        t: Output times, shape ``[outputs]``.
        cotangents: Gradient of the loss with respect to every output, shape ``[outputs, n]``.
        parameters: Parameters whose gradient is wanted.
    """

    def __init__(
        self,
        call: DifferentiatedCall[ExplicitRungeKutta],
        tolerances: tuple[float, float],
        path: StoredPath,
        starts: array[float],
        t: Tensor,
        cotangents: Tensor,
        parameters: tuple[Tensor, ...],
    ) -> None:
        self._call, self._path, self._starts, self._t, self._cotangents = call, path, starts, t, cotangents
        self._tolerances, self._parameters = tolerances, parameters
        self._values: list[float] = t.detach().to(torch.float64).tolist()
        self._direction = 1 if self._values[0] > self._values[-1] else -1
        self._packed = call.packed_field()
        self._field = _PathField(self._packed, parameters, path)
        self._n = cotangents.shape[1]
        self._z = torch.cat([cotangents[-1], cotangents.new_zeros(sum(p.numel() for p in parameters))])
        self._method = RungeKutta(call.method.tableau, self._z, read=self._n)
        self._carries: list[bool] = (cotangents != 0).any(dim=1).tolist()

    def run(self) -> tuple[Tensor, list[Tensor]]:
        """Return the adjoint just after the first time, shape ``[n]``, and the gradient of each parameter."""
        if self._call.method.adaptive:
            self._run_adaptively()
        else:
            self._run_on_grid()
        self._call.backward.nfe += self._packed.nfe
        gradients = self._z[self._n :].split([parameter.numel() for parameter in self._parameters])
        shaped = [
            (gradient if parameter.is_complex() else gradient.real).reshape(parameter.shape).to(parameter.dtype)
            for gradient, parameter in zip(gradients, self._parameters, strict=True)
        ]
        return self._z[: self._n], shaped

    def time_gradients(self, adjoint: Tensor) -> Tensor:
        """Return dL/dt: ``cotangent . f`` at every later output, ``-adjoint . f`` at the first."""
        gradients = torch.zeros_like(self._t)
        layout = self._call.layout
        for index, weight in enumerate([-adjoint, *self._cotangents[1:]]):
            if index == 0 or self._carries[index]:
                clock = self._t[index].detach().to(layout.device, layout.time_dtype)
                derivative = self._packed(clock, self._path(clock).view(layout.shape)).reshape(-1)
                gradients[index] = torch.vdot(weight, derivative).real
        return gradients

    def _at_output(self, index: int, z: Tensor) -> Tensor:
        return torch.cat([z[: self._n] + self._cotangents[index], z[self._n :]])

    def _run_on_grid(self) -> None:
        """Take the steps of the forward solve in reverse, cut at the outputs."""
        outputs = {value: index for index, value in enumerate(self._values)}
        points = sorted({*self._starts, *self._values}, key=lambda time: self._direction * time)
        for start, end in pairwise(points):
            self._z = self._method.step(self._field, start, end - start, self._z, None).y1
            self._call.backward.accepted += 1
            index = outputs.get(end, 0)
            if index > 0:
                self._z = self._at_output(index, self._z)

    def _run_adaptively(self) -> None:
        """Control the error of ``(a, g)``; a step ends on every output on which the loss depends."""
        call, values = self._call, self._values
        options = {name: value for name, value in (call.arguments["options"] or {}).items() if name != "norm"}
        settings = read_options(options, AdaptiveOptions, FixedGridOptions)
        sizes = [*call.layout.sizes, *(parameter.numel() for parameter in self._parameters)]
        integrator = AdaptiveIntegrator(
            self._method,
            self._field,
            values[-1],
            self._direction,
            self._z,
            ErrorScale(*self._tolerances, MixedNorm(tuple(sizes))),
            settings.controller(call.method.order),
            call.backward,
            first_step=settings.first_step,
        )
        above = values[-1]
        if settings.jumps_at(above):
            integrator.cross_discontinuity()
        for index in range(len(values) - 2, -1, -1):
            if index > 0 and not self._carries[index]:
                continue
            for time, jumps in settings.stops(above, values[index]).items():
                while integrator.time != time:
                    integrator.step(time, discontinuity=jumps)
                if time == values[index] and index > 0:
                    integrator.replace_state(self._at_output(index, integrator.y))
                if jumps and time != values[0]:
                    integrator.cross_discontinuity()
            above = values[index]
        self._z = integrator.y
