"""``solve``: the full form of an ODE solve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from suite.solvers.differentiation import Differentiation
from suite.solvers.error_norm import check_tolerance
from suite.solvers.errors import IntegrationError, InvalidProblemError, InvalidTypeError
from suite.solvers.events import EventFunction
from suite.solvers.graphs.choice import GraphChoice, check_graph_choice
from suite.solvers.method import ExplicitRungeKutta
from suite.solvers.methods import MethodName, find
from suite.solvers.problem import Problem
from suite.solvers.solution import Solution
from suite.solvers.state import State, StateLayout
from suite.solvers.times import check_times, clocks
from suite.solvers.vector_field import PackedField, VectorField


def solve(
    vector_field: VectorField,
    y0: State,
    t: Tensor,
    *,
    method: MethodName = "dopri5",
    rtol: float | State = 1e-7,
    atol: float | State = 1e-9,
    options: Mapping[str, Any] | None = None,
    dense: bool = False,
    gradient: Differentiation | None = None,
    event_fn: EventFunction | None = None,
    compile: bool = False,
    graph: GraphChoice = "auto",
) -> Solution:
    """Solve ``dy/dt = vector_field(t, y)``, ``y(t[0]) = y0``.

    Args:
        vector_field: Called with a 0-dimensional time and a state like ``y0``; returns a state like ``y0``.
        y0: Initial state: a floating-point or complex tensor of any shape, or a tuple of these.
        t: Output times, shape ``[outputs]``, strictly increasing or decreasing. Gradients with respect to them are
            those of the discretised solution.
        method: Name of a registered method, a ``Method``, or a ``ButcherTableau``.
        rtol: Relative tolerance of a step: a number, or a tensor (or tuple) like the state.
        atol: Absolute tolerance of a step, likewise.
        options: Options of the method, see ``AdaptiveOptions`` and ``FixedGridOptions``. An adaptive tableau takes
            equal steps when ``step_size`` and ``adaptive=False`` are given.
        dense: Keep every step, so that ``Solution.interpolant`` gives the solution at any time in between.
        gradient: How to differentiate, one of ``suite.gradients``; by autograd through the solver's steps where None.
        event_fn: A function of time and state, of any shape: the solve ends where a component first changes its sign.
            Of two times ``t`` the first is the start, the second says only in which direction. Gradients are those at
            the event time held fixed; :func:`suite.gradients.odeint_event` follows it.
            A fixed grid needs ``step_size``.
        compile: Compile the step together with the vector field, once for every vector field, tableau, shape, dtype
            and grad mode; for explicit Runge-Kutta methods. Where the solve is recorded, what is recorded is compiled,
            the step-size control of adaptive steps too: once also for every controller and power of two of outputs.
        graph: Whether a solve without autograd on a CUDA device is recorded as a CUDA graph and replayed, so that no
            step waits for the host: ``auto``, ``always``, ``loop`` or ``never``, see
            ``suite.solvers.graphs.choice``. Values of parameters may change between replays. For explicit Runge-Kutta
            and Adams methods.

    Returns:
        The solution, with states of shape ``[outputs, *y0.shape]``, and what it cost; with an event, ``event_time`` and
        the states at the start and there.

    Raises:
        InvalidProblemError: Bad times, state, tolerance or option, or a field that returns something else than a state.
        UnknownMethodError: There is no such method.
        NonFiniteError: The state or the field is not finite.
        StepUnderflowError: No representable step meets the tolerance.
        StepLimitError: ``max_num_steps`` was reached. Each of the last three carries the solution so far.
    """
    if not callable(vector_field):
        raise InvalidTypeError(f"the vector field is a function of time and state, not {vector_field!r}")
    if gradient is not None and not isinstance(gradient, Differentiation):
        raise InvalidTypeError(f"gradient is one of suite.gradients, not {gradient!r}")
    check_graph_choice(graph)
    if options is not None and not isinstance(options, Mapping):
        raise InvalidTypeError(f"options are a mapping of names to values, not {type(options).__name__}")
    for name, tolerance in (("rtol", rtol), ("atol", atol)):
        if isinstance(tolerance, int | float):
            check_tolerance(name, tolerance)
        elif isinstance(tolerance, Tensor) and tolerance.requires_grad:
            raise InvalidProblemError(f"{name} takes no part in differentiation, but requires a gradient")
    arguments: dict[str, Any] = {
        "method": method,
        "rtol": rtol,
        "atol": atol,
        "options": options,
        "dense": dense,
        "compile": compile,
        "graph": graph,
    }
    if gradient is not None and event_fn is not None:
        with torch.no_grad():
            found = solve(vector_field, y0, t, event_fn=event_fn, **arguments).times
        solution = gradient.solve(vector_field, y0, torch.stack([t[0], found[1]]), arguments)
        return replace(solution, event_time=found[1])
    if gradient is not None:
        return gradient.solve(vector_field, y0, t, arguments)
    values = check_times(t)
    if event_fn is not None and len(values) != 2:
        raise InvalidProblemError(f"with event_fn, t holds two times, the start and a direction, not {len(values)}")
    layout = StateLayout.of(y0)
    found_method = find(method)
    if compile and not isinstance(found_method, ExplicitRungeKutta):
        raise InvalidProblemError(f"compile=True takes an explicit Runge-Kutta method, not {found_method.name!r}")
    walk = found_method.prepare(options)
    field = PackedField(vector_field, layout)
    times = clocks(t, values)
    packed = layout.pack(y0)
    problem = Problem(vector_field, y0, t, field, packed, values, times, rtol, atol, dense, event_fn, compile, graph)
    try:
        walk(problem)
        problem.callbacks(f"method {found_method.name!r}")
        if event_fn is not None and problem.event_time is None:
            raise InvalidProblemError(f"method {found_method.name!r} does not look for events")
        return problem.solution(require_finite=not problem.checked)
    except IntegrationError as error:
        error.solution = problem.solution()
        raise
