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
from suite.solvers.methods import Method, find
from suite.solvers.options import adaptive_options, fixed_grid_options, take_stepping
from suite.solvers.solve import MethodName, solve
from suite.solvers.state import State, StateLayout
from suite.solvers.vector_field import FlatField, VectorField


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
        if options and adjoint_method is not None and find(adjoint_method).tableau is not find(method).tableau:
            raise InvalidProblemError("with an adjoint_method of its own, options need adjoint_options beside them")
        adjoint_options = {name: value for name, value in (options or {}).items() if name != "norm"}
    variant, norm, rest = choose_variant(adjoint_options)
    layout = StateLayout.of(y0)
    backward, reverse_options = take_stepping(find(method if adjoint_method is None else adjoint_method), rest)
    # Read once here, so that a bad option is refused before any work rather than in the backward pass.
    (adaptive_options if backward.adaptive else fixed_grid_options)(reverse_options)
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
    method: Method
    rtol: float
    atol: float
    options: Mapping[str, Any] | None
    variant: Variant
    norm: Norm | None


class _Adjoint(torch.autograd.Function):
    """Outputs of shape ``[outputs, n]`` of the flat state; differentiated by the reverse solve."""

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
            FlatField(call.func, call.layout),
            tuple(parameters),
            t,
            states,
            cotangents,
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
        return None, adjoint + cotangents[0], times, *shaped


def _time_gradients(problem: ReverseProblem, adjoint: Tensor, fields: dict[int, Tensor]) -> Tensor:
    """Return dL/dt, shape ``[outputs]``: ``cotangent . f`` at every later output, ``-adjoint . f`` at the first."""
    gradients = torch.zeros_like(problem.t)
    fields[0] = problem.field(problem.t[0].to(adjoint.device, problem.field.layout.time_dtype), problem.states[0])
    for index, derivative in fields.items():
        weight = -adjoint if index == 0 else problem.cotangents[index]
        gradients[index] = torch.vdot(weight, derivative).real
    return gradients


def _like(parameter: Tensor, gradient: Tensor) -> Tensor:
    """Return a flat gradient in the parameter's shape and dtype: the real part for a real parameter."""
    if gradient.is_complex() and not parameter.is_complex():
        gradient = gradient.real
    return gradient.reshape(parameter.shape).to(parameter.dtype)
