"""The continuous adjoint as a way to differentiate a solve."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from suite.gradients.adjoint_norm import AdjointNorm, adjoint_norm
from suite.gradients.parameters import trained_parameters
from suite.gradients.replayed_reverse import replayed
from suite.gradients.reverse_adaptive import AdaptiveReverse
from suite.gradients.reverse_problem import Reverse, ReverseProblem
from suite.gradients.reverse_segments import FixedReverse, SegmentReverse
from suite.gradients.variants import Variant, choose_variant
from suite.solvers.differentiation import Differentiation
from suite.solvers.error_norm import check_tolerance
from suite.solvers.errors import InvalidProblemError
from suite.solvers.method import ExplicitRungeKutta, Method
from suite.solvers.methods import MethodName, find
from suite.solvers.solution import Solution, Statistics
from suite.solvers.solve import solve
from suite.solvers.state import State, StateLayout
from suite.solvers.vector_field import PackedField, VectorField


@dataclass(frozen=True)
class Adjoint(Differentiation):
    """The continuous adjoint (Chen et al. 2018, Algorithms 1 and 2): the reverse solve of ``(y, a, dL/dtheta)``.

    Attributes:
        rtol: Relative tolerance of the reverse solve, a number; the forward solve's by default.
        atol: Absolute tolerance of the reverse solve, likewise.
        method: Method of the reverse solve; the forward solve's by default.
        options: Options of the reverse solve; the forward solve's without its norm by default. Beside the method's own:
            ``norm``, ``"seminorm"`` or a function of ``(t, y, adjoint, *parameter_adjoints)``, and ``variant``.
        parameters: What to differentiate by beside ``y0`` and ``t``; the vector field's parameters by default.
        variant: One of ``suite.gradients.variants``, where ``options`` names none.
    """

    rtol: float | None = None
    atol: float | None = None
    method: MethodName = None
    options: Mapping[str, Any] | None = None
    parameters: Iterable[Tensor] | None = None
    variant: Variant | None = None

    def solve(self, vector_field: VectorField, y0: State, t: Tensor, arguments: Mapping[str, Any]) -> Solution:
        """Solve so that the states are differentiated by the reverse solve; see :class:`Differentiation`."""
        layout = StateLayout.of(y0)
        forward_options = arguments["options"] or {}
        options = self.options if self.options is not None else _without_norm(forward_options)
        variant, chosen, rest = choose_variant(options, self.variant)
        method = find(arguments["method"] if self.method is None else self.method)
        # Read once here, so that a bad option is refused before any work rather than in the backward pass.
        method.prepare(rest)
        backward_options: Mapping[str, Any] | None = rest
        if isinstance(method, ExplicitRungeKutta):
            method, backward_options = method.stepping(rest)
        elif variant in ("quadrature", "seminorm"):
            raise InvalidProblemError(
                f"the variant {variant!r} needs an explicit Runge-Kutta method backwards, not {method.name!r}"
            )
        seminorm = variant in ("seminorm", "quadrature")
        call = _Call(
            vector_field,
            layout,
            arguments,
            method,
            check_tolerance("adjoint_rtol", arguments["rtol"] if self.rtol is None else self.rtol),
            check_tolerance("adjoint_atol", arguments["atol"] if self.atol is None else self.atol),
            backward_options,
            variant,
            adjoint_norm(chosen, forward_options.get("norm"), layout, seminorm=seminorm),
        )
        parameters = trained_parameters(vector_field, self.parameters)
        if variant != "quadrature" and not layout.dtype.is_complex and any(p.is_complex() for p in parameters):
            raise InvalidProblemError("complex parameters need a complex state, or the variant 'quadrature'")
        states = _Adjoint.apply(call, layout.pack(y0), t, *parameters)
        (forward,) = call.forward
        return Solution(forward.times, layout.unpack(states), forward.statistics, forward.interpolant, call.backward)


def _without_norm(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name != "norm"}


@dataclass(frozen=True, eq=False)
class _Call:
    """What a call fixes beside its tensors, and what it costs."""

    vector_field: VectorField
    layout: StateLayout
    arguments: Mapping[str, Any]
    method: Method
    rtol: float
    atol: float
    options: Mapping[str, Any] | None
    variant: Variant
    norm: AdjointNorm
    forward: list[Solution] = field(default_factory=list)
    backward: Statistics = field(default_factory=Statistics)


class _Adjoint(torch.autograd.Function):
    """Outputs of the packed state, shape ``[outputs, *state]``; differentiated by the reverse solve."""

    @staticmethod
    def forward(ctx: Any, call: _Call, y0: Tensor, t: Tensor, *parameters: Tensor) -> Tensor:
        solution = solve(call.vector_field, call.layout.unpack(y0), t, **call.arguments)
        call.forward.append(solution)
        states = call.layout.pack(solution.states, lead=1)
        ctx.call = call
        # By this name torchdiffeq's users read the norm of the reverse solve, and put another in its place.
        ctx.adjoint_options = {**(call.options or {}), "norm": call.norm}
        ctx.save_for_backward(t, states, *parameters)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, cotangents: Tensor) -> tuple[Tensor | None, ...]:
        call: _Call = ctx.call
        t, states, *parameters = ctx.saved_tensors
        if len(t) == 1:
            return None, cotangents[0], torch.zeros_like(t), *(torch.zeros_like(p) for p in parameters)
        packed_field = PackedField(call.vector_field, call.layout)
        problem = ReverseProblem(
            packed_field,
            tuple(parameters),
            t,
            states.reshape(len(t), -1),
            cotangents.reshape(len(t), -1),
            call.method,
            call.rtol,
            call.atol,
            call.options,
            call.variant,
            ctx.adjoint_options["norm"],
            call.backward,
            bool(call.arguments.get("compile")),
            call.arguments.get("graph", "never"),
        )
        solver = _reverse(problem)
        if not replayed(solver):
            solver.run()
        adjoint = solver.adjoint()
        times = _time_gradients(problem, adjoint, solver.fields) if ctx.needs_input_grad[2] else None
        gradients = solver.parameter_gradients()
        shaped = [_like(parameter, gradient) for parameter, gradient in zip(parameters, gradients, strict=True)]
        call.backward.nfe += packed_field.nfe
        return None, adjoint.view(states.shape[1:]) + cotangents[0], times, *shaped


def _reverse(problem: ReverseProblem) -> Reverse:
    # The shortened forms know neither other methods nor a field that is perturbed at grid points.
    if not isinstance(problem.method, ExplicitRungeKutta) or (problem.options or {}).get("perturb"):
        return SegmentReverse(problem)
    return AdaptiveReverse(problem) if problem.method.adaptive else FixedReverse(problem)


def _time_gradients(problem: ReverseProblem, adjoint: Tensor, fields: dict[int, Tensor]) -> Tensor:
    """Return dL/dt, shape ``[outputs]``: ``cotangent . f`` at every later output, ``-adjoint . f`` at the first."""
    gradients = torch.zeros_like(problem.t)
    layout = problem.field.layout
    for index in range(len(problem.t)):
        weight = -adjoint if index == 0 else problem.cotangents[index]
        derivative = fields.get(index)
        if derivative is None:
            # The reverse solve went by: the loss does not depend on this output, or it starts at a state of its own.
            if index > 0 and not bool(weight.any()):
                continue
            time = problem.t[index].to(adjoint.device, layout.time_dtype)
            derivative = problem.field(time, problem.states[index].view(layout.shape)).reshape(-1)
        gradients[index] = torch.vdot(weight, derivative).real
    return gradients


def _like(parameter: Tensor, gradient: Tensor) -> Tensor:
    """Return a flat gradient in the parameter's shape and dtype: the real part for a real parameter."""
    if gradient.is_complex() and not parameter.is_complex():
        gradient = gradient.real
    return gradient.reshape(parameter.shape).to(parameter.dtype)
