"""``solve``: the full form of an ODE solve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from suite.solvers.differentiation import Differentiation
from suite.solvers.errors import IntegrationError
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

    Returns:
        The solution, with states of shape ``[outputs, *y0.shape]``, and what it cost.

    Raises:
        InvalidProblemError: Bad times, state, tolerance or option, or a field that returns something else than a state.
        UnknownMethodError: There is no such method.
        NonFiniteError: The state or the field is not finite.
        StepUnderflowError: No representable step meets the tolerance.
        StepLimitError: ``max_num_steps`` was reached. Each of the last three carries the solution so far.
    """
    if gradient is not None:
        arguments = {"method": method, "rtol": rtol, "atol": atol, "options": options, "dense": dense}
        return gradient.solve(vector_field, y0, t, arguments)
    values = check_times(t)
    layout = StateLayout.of(y0)
    walk = find(method).prepare(options)
    field = PackedField(vector_field, layout)
    problem = Problem(vector_field, y0, t, field, layout.pack(y0), values, clocks(t, values), rtol, atol, dense)
    try:
        walk(problem)
        return problem.solution(require_finite=not problem.checked)
    except IntegrationError as error:
        error.solution = problem.solution()
        raise
