"""The continuous adjoint that reads the forward path instead of solving for it again."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from suite.gradients.differentiated_call import DifferentiatedCall, refuse_dense_and_compiled
from suite.gradients.parameters import trained_parameters
from suite.gradients.reverse_along_path import ReverseAlongPath
from suite.gradients.stored_path import StoredPath, path_coefficients
from suite.solvers.differentiation import Differentiation
from suite.solvers.error_norm import check_tolerance
from suite.solvers.errors import InvalidProblemError
from suite.solvers.method import ExplicitRungeKutta
from suite.solvers.methods import find
from suite.solvers.solution import Solution
from suite.solvers.state import State, StateLayout
from suite.solvers.times import number
from suite.solvers.vector_field import VectorField


@dataclass(frozen=True)
class InterpolatedAdjoint(Differentiation):
    """The continuous adjoint along the dense output of the forward solve.

    Daulbaev et al. (2020), *Interpolation technique to speed up gradients propagation in neural ODEs*. The reverse
    solve integrates ``da/dt = -a df/dy`` and ``dg/dt = -a df/dtheta`` alone and takes ``y`` from the stored path:
    nothing drifts where the field contracts, and memory grows with the number of steps, by ``degree + 1`` states each.
    Its accuracy is that of the dense output. It takes the method and the options of the forward solve, except its norm.

    Attributes:
        rtol: Relative tolerance of the reverse solve, a number; the forward solve's by default.
        atol: Absolute tolerance, likewise.
        parameters: What to differentiate by beside the state and the times; the vector field's parameters by default.
    """

    rtol: float | None = None
    atol: float | None = None
    parameters: Sequence[Tensor] | None = None

    def solve(self, vector_field: VectorField, y0: State, t: Tensor, arguments: Mapping[str, Any]) -> Solution:
        """Solve without autograd, storing the path.

        Raises:
            InvalidProblemError: When the method is not an explicit Runge-Kutta method.
        """
        refuse_dense_and_compiled("InterpolatedAdjoint", arguments)
        parameters = trained_parameters(vector_field, self.parameters)
        method = find(arguments["method"])
        if not isinstance(method, ExplicitRungeKutta):
            raise InvalidProblemError(f"InterpolatedAdjoint takes an explicit Runge-Kutta method, not {method.name!r}")
        method, options = method.stepping(arguments["options"])
        layout = StateLayout.of(y0)
        if not layout.dtype.is_complex and any(parameter.is_complex() for parameter in parameters):
            raise InvalidProblemError("InterpolatedAdjoint takes complex parameters with a complex state only")
        tolerances = (
            check_tolerance("rtol of the reverse solve", arguments["rtol"] if self.rtol is None else self.rtol),
            check_tolerance("atol of the reverse solve", arguments["atol"] if self.atol is None else self.atol),
        )
        given = {**arguments, "method": method, "options": options, "dense": True}
        call = DifferentiatedCall(vector_field, layout, given, method)
        return call.solution(_Interpolated.apply(call, tolerances, layout.pack(y0), t, *parameters), t)


class _Interpolated(torch.autograd.Function):
    """Outputs of the packed state, shape ``[outputs, *state]``; differentiated along the stored path."""

    @staticmethod
    def forward(
        ctx: Any,
        call: DifferentiatedCall[ExplicitRungeKutta],
        tolerances: tuple[float, float],
        y0: Tensor,
        t: Tensor,
        *parameters: Tensor,
    ) -> Tensor:
        states, solution = call.forward(y0, t)
        steps = () if solution.interpolant is None else solution.interpolant.steps
        ctx.call, ctx.tolerances, ctx.parameters = call, tolerances, len(parameters)
        ctx.starts = array("d", [number(step.start) for step in steps])
        ctx.sizes = array("d", [number(step.size) for step in steps])
        ctx.save_for_backward(t, *parameters, *([path_coefficients(steps)] if steps else []))
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, cotangents: Tensor) -> tuple[Tensor | None, ...]:
        t, *saved = ctx.saved_tensors
        parameters = tuple(saved[: ctx.parameters])
        if len(t) == 1:
            return None, None, cotangents[0], torch.zeros_like(t), *(torch.zeros_like(p) for p in parameters)
        path = StoredPath(ctx.starts, ctx.sizes, saved[-1])
        flat = cotangents.reshape(len(t), -1)
        reverse = ReverseAlongPath(ctx.call, ctx.tolerances, path, ctx.starts, t, flat, parameters)
        adjoint, gradients = reverse.run()
        times = reverse.time_gradients(adjoint) if ctx.needs_input_grad[3] else None
        return None, None, adjoint.view(cotangents.shape[1:]) + cotangents[0], times, *gradients
