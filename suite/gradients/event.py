"""``odeint_event``: a solve that ends at an event, with gradients through the time at which it happens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from suite.solvers import odeint
from suite.solvers.errors import InvalidTypeError
from suite.solvers.events import Event, EventFunction
from suite.solvers.state import State, StateLayout
from suite.solvers.times import number
from suite.solvers.vector_field import PackedField, VectorField


def odeint_event(
    func: VectorField,
    y0: State,
    t0: Tensor,
    *,
    event_fn: EventFunction,
    reverse_time: bool = False,
    odeint_interface: Callable[..., Any] = odeint,
    **kwargs: Any,
) -> tuple[Tensor, State]:
    """Solve until an event and differentiate through its time, with the arguments of ``torchdiffeq.odeint_event``.

    The event time ``s`` solves ``g(s, y(s)) = 0``. By the implicit function theorem its derivative is that of
    ``-g(s, y(s)) / (dg/ds + dg/dy f)`` with ``s`` held fixed on the right, and the state there moves by ``f ds`` in
    addition (Chen, Amos and Nickel 2021, *Learning Neural Event Functions for Ordinary Differential Equations*, section
    3). Parameters of the event function get their gradient too. Derivatives are right to the first order.

    Args:
        func: Vector field.
        y0: Initial state, as in :func:`suite.solvers.solve`.
        t0: Time at the start, a floating-point tensor of one entry.
        event_fn: A function of time and state; the first sign change of any of its components is the event.
        reverse_time: Whether the event is looked for at earlier times.
        odeint_interface: Solves with ``event_fn`` at a fixed event time: :func:`suite.solvers.odeint` or
            :func:`suite.gradients.odeint_adjoint`.
        **kwargs: Further arguments of that.

    Returns:
        The event time, a 0-dimensional tensor, and states of shape ``[2, *y0.shape]`` (or a tuple of these): at the
        start and at the event. The gradient is infinite where the event function only touches zero.

    Raises:
        InvalidTypeError: When ``t0`` is no floating-point tensor of one entry.
        EventNotFoundError: When the event function keeps its sign for as long as the integration can go on.
    """
    if not isinstance(t0, Tensor) or not t0.is_floating_point() or t0.numel() != 1:
        raise InvalidTypeError(f"t0 is a floating-point tensor of one entry, not {t0!r}")
    start = t0.reshape(())
    t = torch.stack([start, start.detach() + (-1.0 if reverse_time else 1.0)])
    fixed_time, states = odeint_interface(func, y0, t, event_fn=event_fn, **kwargs)
    layout = StateLayout.of(y0)
    packed = layout.pack(states, lead=1)
    shift, slope = _shift(func, event_fn, start, fixed_time.detach(), y0, packed[-1])
    moved = torch.stack([packed[0], packed[-1] + slope * shift.to(layout.dtype)])
    return fixed_time.detach() + shift.to(fixed_time.dtype), layout.unpack(moved)


def event_time(
    func: VectorField, event_fn: EventFunction, start: Tensor, fixed_time: Tensor, y0: State, states: State
) -> Tensor:
    """Return the event time so that it can be differentiated; see :func:`odeint_event`.

    Args:
        func: Vector field.
        event_fn: The event function.
        start: Time at the start.
        fixed_time: The event time as a number without a gradient, a 0-dimensional tensor.
        y0: State at the start.
        states: States at the start and at this time, ``[2, *y0.shape]`` or a tuple of these.
    """
    reached = StateLayout.of(y0).pack(states, lead=1)[-1]
    return fixed_time + _shift(func, event_fn, start, fixed_time, y0, reached)[0].to(fixed_time.dtype)


def _shift(
    func: VectorField, event_fn: EventFunction, start: Tensor, time: Tensor, y0: State, reached: Tensor
) -> tuple[Tensor, Tensor]:
    layout = StateLayout.of(y0)
    with torch.no_grad():
        event = Event.at_start(event_fn, layout, number(start), layout.pack(y0))
    return _first_order(event, PackedField(func, layout), layout, time, reached)


def _first_order(
    event: Event, field: PackedField, layout: StateLayout, time: Tensor, y: Tensor
) -> tuple[Tensor, Tensor]:
    """Return a zero whose derivative is that of the event time, and the field at the event."""
    device = y.device
    with torch.enable_grad():
        t = time.detach().to(device, torch.float64).requires_grad_(True)
        state = y.detach().requires_grad_(True)
        value = event.value(t, layout.unpack(state))
        by_time, by_state = _partial_derivatives(value, t, state)
    with torch.no_grad():
        slope = field(time.to(device, layout.time_dtype), state.detach())
        total = by_time + torch.vdot(by_state.reshape(-1), slope.reshape(-1)).real
    reached = event.value(time.to(device, torch.float64), layout.unpack(y))
    return -(reached - reached.detach()) / total, slope


def _partial_derivatives(value: Tensor, t: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """Return the derivatives of the event function by time and by state, zeros where it does not depend on them."""
    if not value.requires_grad:
        return torch.zeros_like(t), torch.zeros_like(state)
    by_time, by_state = torch.autograd.grad(value, (t, state), allow_unused=True)
    return (
        torch.zeros_like(t) if by_time is None else by_time,
        torch.zeros_like(state) if by_state is None else by_state,
    )
