"""``odeint_adjoint``: gradients by the continuous adjoint method, with memory independent of the number of steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from suite.gradients.backward_solve import ReverseProblem, reverse
from suite.gradients.variants import Variant, choose_variant
from suite.solvers.error_norm import Norm, check_tolerance
from suite.solvers.errors import InvalidProblemError
from suite.solvers.method import ExplicitRungeKutta
from suite.solvers.methods import MethodName, find
from suite.solvers.solve import solve
from suite.solvers.state import State, StateLayout
from suite.solvers.vector_field import PackedField, VectorField


def odeint_adjoint(
    func: VectorField,
    y0: State,
    t: Tensor,
    *,
    rtol: float | State = 1e-7,
    atol: float | State = 1e-9,
    method: MethodName = None,
    options: Mapping[str, Any] | None = None,
    adjoint_rtol: float | None = None,
    adjoint_atol: float | None = None,
    adjoint_method: MethodName = None,
    adjoint_options: Mapping[str, Any] | None = None,
    adjoint_params: Sequence[Tensor] | None = None,
) -> State:
    """Solve an initial value problem; backwards, solve the adjoint system instead of keeping the forward pass.

    Chen et al. (2018), Algorithms 1 and 2 and appendix D. Arguments and defaults are ``torchdiffeq.odeint_adjoint``'s.
    The reverse solve runs through all outputs in one go: it stops only at outputs on which the loss depends, and goes
    back to a stored output when the state it reconstructs has drifted from it by more than ten tolerances. Memory is
    that of the stored outputs, one evaluation of the field and one step.

    Args:
        func: Vector field; a module, unless ``adjoint_params`` is given.
        y0: Initial state, as in :func:`suite.solvers.solve`.
        t: Output times, shape ``[outputs]``.
        rtol: Relative tolerance, as in :func:`suite.solvers.solve`.
        atol: Absolute tolerance, likewise.
        method: Name of a method, a ``Method`` or a tableau.
        options: Options of the method.
        adjoint_rtol: Relative tolerance of the reverse solve, a number; ``rtol`` by default.
        adjoint_atol: Absolute tolerance of the reverse solve, a number; ``atol`` by default.
        adjoint_method: Method of the reverse solve; ``method`` by default.
        adjoint_options: Options of the reverse solve; ``options`` without its norm by default. Beside the method's own:
            ``norm="seminorm"`` or a function of ``(t, y, adjoint, *parameter_adjoints)``, and ``variant``, one of
            ``default``, ``seminorm``, ``quadrature``, ``segments`` (see ``suite.gradients.variants``).
        adjoint_params: What to differentiate by beside ``y0`` and ``t``; ``func.parameters()`` by default.

    Returns:
        States of shape ``[outputs, *y0.shape]``, or a tuple of these.

    Raises:
        InvalidProblemError: As in :func:`suite.solvers.solve`; or parameters or options of the reverse solve are
        missing.
        IntegrationError: The forward solve, or in the backward pass the reverse solve, stopped on the way.
    """
    if adjoint_params is None:
        if not isinstance(func, nn.Module):
            raise InvalidProblemError(
                "func is not a torch.nn.Module, so its parameters are unknown; give adjoint_params, () if it has none"
            )
        adjoint_params = tuple(func.parameters())
    if adjoint_options is None:
        same = adjoint_method is None or adjoint_method is method or find(adjoint_method) is find(method)
        if options and not same:
            raise InvalidProblemError("with an adjoint_method of its own, options need adjoint_options beside them")
        adjoint_options = {name: value for name, value in (options or {}).items() if name != "norm"}
    variant, norm, rest = choose_variant(adjoint_options)
    layout = StateLayout.of(y0)
    backward = find(method if adjoint_method is None else adjoint_method)
    if not isinstance(backward, ExplicitRungeKutta):
        raise InvalidProblemError(f"the reverse solve takes an explicit Runge-Kutta method, not {backward.name!r}")
    # Read once here, so that a bad option is refused before any work rather than in the backward pass.
    backward.prepare(rest)
    backward, reverse_options = backward.stepping(rest)
    call = _Call(
        func,
        layout,
        {"method": method, "rtol": rtol, "atol": atol, "options": options},
        backward,
        check_tolerance("adjoint_rtol", rtol if adjoint_rtol is None else adjoint_rtol),
        check_tolerance("adjoint_atol", atol if adjoint_atol is None else adjoint_atol),
        reverse_options,
        variant,
        norm,
    )
    parameters = tuple(parameter for parameter in adjoint_params if parameter.requires_grad)
    if variant != "quadrature" and not layout.dtype.is_complex and any(p.is_complex() for p in parameters):
        raise InvalidProblemError("complex parameters need a complex state, or the variant 'quadrature'")
    states = _Adjoint.apply(call, layout.pack(y0), t, *parameters)
    return layout.unpack(states)


@dataclass(frozen=True, eq=False)
class _Call:
    """What a call fixes beside its tensors."""

    func: VectorField
    layout: StateLayout
    forward: dict[str, Any]
    method: ExplicitRungeKutta
    rtol: float
    atol: float
    options: Mapping[str, Any] | None
    variant: Variant
    norm: Norm | None


class _Adjoint(torch.autograd.Function):
    """Outputs of the packed state, shape ``[outputs, *state]``; differentiated by the reverse solve."""

    @staticmethod
    def forward(ctx: Any, call: _Call, y0: Tensor, t: Tensor, *parameters: Tensor) -> Tensor:
        solution = solve(call.func, call.layout.unpack(y0), t, **call.forward)
        states = call.layout.pack(solution.states, lead=1)
        ctx.call = call
        ctx.save_for_backward(t, states, *parameters)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, cotangents: Tensor) -> tuple[Tensor | None, ...]:
        call: _Call = ctx.call
        t, states, *parameters = ctx.saved_tensors
        if len(t) == 1:
            return None, cotangents[0], torch.zeros_like(t), *(torch.zeros_like(p) for p in parameters)
        problem = ReverseProblem(
            PackedField(call.func, call.layout),
            tuple(parameters),
            t,
            states.flatten(1) if states.ndim > 1 else states[:, None],
            cotangents.flatten(1) if states.ndim > 1 else cotangents[:, None],
            call.method,
            call.rtol,
            call.atol,
            call.options,
            call.variant,
            call.norm,
        )
        adjoint, gradients, fields = reverse(problem)
        times = _time_gradients(problem, adjoint, fields) if ctx.needs_input_grad[2] else None
        shaped = [_like(parameter, gradient) for parameter, gradient in zip(parameters, gradients, strict=True)]
        return None, adjoint.view(states.shape[1:]) + cotangents[0], times, *shaped


def _time_gradients(problem: ReverseProblem, adjoint: Tensor, fields: dict[int, Tensor]) -> Tensor:
    """Return dL/dt, shape ``[outputs]``: ``cotangent . f`` at every later output, ``-adjoint . f`` at the first."""
    gradients = torch.zeros_like(problem.t)
    layout = problem.field.layout
    start = problem.states[0].view(layout.shape)
    fields[0] = problem.field(problem.t[0].to(adjoint.device, layout.time_dtype), start).reshape(-1)
    for index, derivative in fields.items():
        weight = -adjoint if index == 0 else problem.cotangents[index]
        gradients[index] = torch.vdot(weight, derivative).real
    return gradients


def _like(parameter: Tensor, gradient: Tensor) -> Tensor:
    """Return a flat gradient in the parameter's shape and dtype: the real part for a real parameter."""
    if gradient.is_complex() and not parameter.is_complex():
        gradient = gradient.real
    return gradient.reshape(parameter.shape).to(parameter.dtype)
