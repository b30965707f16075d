"""``odeint_adjoint``: gradients by the continuous adjoint method, with memory independent of the number of steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, overload

from torch import Tensor

from suite.gradients.continuous_adjoint import Adjoint
from suite.gradients.event import event_time
from suite.solvers.errors import InvalidProblemError
from suite.solvers.events import EventFunction
from suite.solvers.graphs.choice import GraphChoice
from suite.solvers.methods import MethodName, find
from suite.solvers.solve import solve
from suite.solvers.state import State
from suite.solvers.vector_field import VectorField


@overload
def odeint_adjoint(
    func: VectorField,
    y0: State,
    t: Tensor,
    *,
    rtol: float | State = ...,
    atol: float | State = ...,
    method: MethodName = ...,
    options: Mapping[str, Any] | None = ...,
    event_fn: None = ...,
    compile: bool = ...,
    graph: GraphChoice = ...,
    adjoint_rtol: float | None = ...,
    adjoint_atol: float | None = ...,
    adjoint_method: MethodName = ...,
    adjoint_options: Mapping[str, Any] | None = ...,
    adjoint_params: Iterable[Tensor] | None = ...,
) -> State: ...
@overload
def odeint_adjoint(
    func: VectorField,
    y0: State,
    t: Tensor,
    *,
    rtol: float | State = ...,
    atol: float | State = ...,
    method: MethodName = ...,
    options: Mapping[str, Any] | None = ...,
    event_fn: EventFunction,
    compile: bool = ...,
    graph: GraphChoice = ...,
    adjoint_rtol: float | None = ...,
    adjoint_atol: float | None = ...,
    adjoint_method: MethodName = ...,
    adjoint_options: Mapping[str, Any] | None = ...,
    adjoint_params: Iterable[Tensor] | None = ...,
) -> tuple[Tensor, State]: ...
def odeint_adjoint(
    func: VectorField,
    y0: State,
    t: Tensor,
    *,
    rtol: float | State = 1e-7,
    atol: float | State = 1e-9,
    method: MethodName = None,
    options: Mapping[str, Any] | None = None,
    event_fn: EventFunction | None = None,
    compile: bool = False,
    graph: GraphChoice = "auto",
    adjoint_rtol: float | None = None,
    adjoint_atol: float | None = None,
    adjoint_method: MethodName = None,
    adjoint_options: Mapping[str, Any] | None = None,
    adjoint_params: Iterable[Tensor] | None = None,
) -> State | tuple[Tensor, State]:
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
        event_fn: As in :func:`suite.solvers.odeint`.
        compile: Compile the steps of both solves, as in :func:`suite.solvers.solve`; ``adjoint_params`` are then
            parameters of ``func``.
        graph: Whether both solves are replayed from CUDA graphs, as in :func:`suite.solvers.solve`.

    Returns:
        States of shape ``[outputs, *y0.shape]``, or a tuple of these; with an event, its time and these. The event time
        is differentiable, the states are those at this time held fixed.

    Raises:
        InvalidProblemError: As in :func:`suite.solvers.solve`; or parameters or options of the reverse solve are
        missing.
        IntegrationError: The forward solve, or in the backward pass the reverse solve, stopped on the way.
    """
    if adjoint_options is None and options:
        same = adjoint_method is None or adjoint_method is method or find(adjoint_method) is find(method)
        if not same:
            raise InvalidProblemError("with an adjoint_method of its own, options need adjoint_options beside them")
    gradient = Adjoint(adjoint_rtol, adjoint_atol, adjoint_method, adjoint_options, adjoint_params)
    solution = solve(
        func,
        y0,
        t,
        method=method,
        rtol=rtol,
        atol=atol,
        options=options,
        gradient=gradient,
        event_fn=event_fn,
        compile=compile,
        graph=graph,
    )
    if event_fn is None or solution.event_time is None:
        return solution.states
    return event_time(func, event_fn, t[0], solution.event_time, y0, solution.states), solution.states
