"""``odeint`` and ``odeint_dense``, with the arguments and defaults of torchdiffeq's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, overload

import torch
from torch import Tensor

from suite.solvers.events import EventFunction
from suite.solvers.graphs.choice import GraphChoice
from suite.solvers.methods import MethodName
from suite.solvers.solution import Interpolant
from suite.solvers.solve import solve
from suite.solvers.state import State
from suite.solvers.vector_field import VectorField


@overload
def odeint(
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
) -> State: ...
@overload
def odeint(
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
) -> tuple[Tensor, State]: ...
def odeint(
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
) -> State | tuple[Tensor, State]:
    """Solve an initial value problem and return the states, with the arguments and defaults of ``torchdiffeq.odeint``.

    See :func:`solve`, of which this is the short form.

    Returns:
        States of shape ``[outputs, *y0.shape]``, or a tuple of these for a tuple state. With ``event_fn``, the event
        time and states of shape ``[2, *y0.shape]``: at the start and at the event.
    """
    solution = solve(
        func,
        y0,
        t,
        method=method,
        rtol=rtol,
        atol=atol,
        options=options,
        event_fn=event_fn,
        compile=compile,
        graph=graph,
    )
    return solution.states if solution.event_time is None else (solution.event_time, solution.states)


def odeint_dense(
    func: VectorField,
    y0: State,
    t0: Tensor,
    t1: Tensor,
    *,
    rtol: float | State = 1e-7,
    atol: float | State = 1e-9,
    method: MethodName = None,
    options: Mapping[str, Any] | None = None,
) -> Interpolant:
    """Solve from ``t0`` to ``t1`` and return the solution as a function of time, as ``torchdiffeq.odeint_dense``."""
    t = torch.stack([torch.as_tensor(t0), torch.as_tensor(t1)])
    solution = solve(func, y0, t, method=method, rtol=rtol, atol=atol, options=options, dense=True)
    if solution.interpolant is None:
        raise TypeError("a dense solve keeps its interpolant")
    return solution.interpolant
