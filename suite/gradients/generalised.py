"""The generalised adjoint: losses with an integral along the path (Massaroli et al. 2020, Proposition 1).

For ``L = loss(y(T)) + int l(t, y, theta) dt`` the adjoint obeys ``da/dt = -a df/dy - dl/dy``, and the gradient is
``dL/dtheta = int a df/dtheta + dl/dtheta dt``; at the bounds ``dL/dT = a f + l`` and ``dL/dt0 = -(a f + l)``.
All of it is the ordinary adjoint of the state with its integral beside it, ``dq/dt = l``: no field reads ``q``, so that
its adjoint is constant. Parameters that vary with depth are parameters of a field that reads the time; their gradients
(Theorem 1 on a basis, or piece by piece) come out of the same pass.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from suite.solvers.differentiation import Differentiation
from suite.solvers.errors import InvalidProblemError
from suite.solvers.methods import MethodName
from suite.solvers.solution import Solution
from suite.solvers.solve import solve
from suite.solvers.state import State, StateLayout
from suite.solvers.times import check_times, clock_of
from suite.solvers.vector_field import VectorField

RunningLoss = Callable[[Tensor, Any, Any], Tensor]
"""``l(t, y, f)``: a real loss of any shape from a time, the state and the field there, which costs no evaluation."""


def solve_with_integral(
    vector_field: VectorField,
    running_loss: RunningLoss,
    y0: State,
    t: Tensor,
    *,
    method: MethodName = "dopri5",
    rtol: float = 1e-7,
    atol: float = 1e-9,
    options: Mapping[str, Any] | None = None,
    gradient: Differentiation | None = None,
) -> tuple[Solution, Tensor]:
    """Solve an initial value problem together with the integral of a loss along its path.

    The error control includes the integral, as a part of the state of its own.

    Args:
        vector_field: As in :func:`suite.solvers.solve`.
        running_loss: The integrand, a function of ``(t, y, f)``. Parameters of both modules are differentiated by,
            where ``gradient`` takes those of the vector field.
        y0: Initial state, a tensor or a tuple of tensors.
        t: Output times, shape ``[outputs]``.
        method: As in :func:`suite.solvers.solve`.
        rtol: Relative tolerance, a number.
        atol: Absolute tolerance, a number.
        options: As in :func:`suite.solvers.solve`; a norm sees the parts of ``y0`` and then the integral, as a tuple.
        gradient: How to differentiate; by autograd through the steps where None.

    Returns:
        The solution, and the integral from the first time to each output, shape ``[outputs, *running_loss.shape]``.

    Raises:
        InvalidProblemError: As in :func:`suite.solvers.solve`, or the running loss is no real tensor.
    """
    layout = StateLayout.of(y0)
    start_time = check_times(t)[0]
    field = _WithIntegral(vector_field, running_loss, layout)
    parts = y0 if isinstance(y0, tuple) else (y0,)
    start = torch.zeros(field.loss_shape(y0, start_time), dtype=layout.dtype, device=layout.device)
    # Without a module for a field, a way to differentiate has to be told the parameters, and says so.
    known = isinstance(vector_field, nn.Module)
    augmented = _ModuleWithIntegral(field, vector_field, running_loss) if known else field
    solution = solve(
        augmented, (*parts, start), t, method=method, rtol=rtol, atol=atol, options=options, gradient=gradient
    )
    *states, integral = solution.states
    kept: State = tuple(states) if layout.is_tuple else states[0]
    return dataclasses.replace(solution, states=kept), integral.real if layout.dtype.is_complex else integral


class _WithIntegral:
    """The field of a state and of the integral of a loss along it."""

    def __init__(self, vector_field: VectorField, running_loss: RunningLoss, layout: StateLayout) -> None:
        self._vector_field, self._running_loss, self._layout = vector_field, running_loss, layout

    def loss_shape(self, y0: State, time: float) -> torch.Size:
        """Evaluate the running loss once, to learn its shape."""
        with torch.no_grad():
            clock = clock_of(time, self._layout.time_dtype, self._layout.device)
            loss: object = self._evaluate(clock, y0)[1]
        if not isinstance(loss, Tensor) or loss.is_complex():
            found = f"a tensor of {loss.dtype}" if isinstance(loss, Tensor) else f"a {type(loss).__name__}"
            raise InvalidProblemError(f"running_loss returns a real tensor, not {found}")
        return loss.shape

    def __call__(self, t: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Return the field and the running loss; the integral so far is not read."""
        derivative, loss = self._evaluate(t, state[:-1] if self._layout.is_tuple else state[0])
        parts = derivative if isinstance(derivative, tuple | list) else (derivative,)
        return (*parts, loss.to(self._layout.dtype))

    def _evaluate(self, t: Tensor, y: State) -> tuple[Any, Tensor]:
        derivative = self._vector_field(t, y)
        return derivative, self._running_loss(t, y, derivative)


class _ModuleWithIntegral(nn.Module):
    """The same with the parameters of the field, and of the loss where it is a module too."""

    def __init__(self, field: _WithIntegral, *modules: object) -> None:
        super().__init__()
        self.parts = nn.ModuleList(module for module in modules if isinstance(module, nn.Module))
        self._field = field

    def forward(self, t: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return self._field(t, state)
