"""Long roll-outs: states at output times, with trajectories that leave the neighbourhood of the attractor set aside."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from suite.solvers import Method, NonFiniteError, solve
from suite.solvers.vector_field import VectorField

_FAR = 1e3
"""No state of the attractors is a tenth as far from the origin."""


@torch.no_grad()
def roll_out(field: VectorField, z0: Tensor, spacing: float, outputs: int, step: float, method: Method) -> Tensor:
    """Return states at output times, not-a-number from where a trajectory has gone far away.

    Args:
        field: ``f(t, z)``, which does not depend on ``t``.
        z0: Initial conditions, shape ``[batch, d]``.
        spacing: Time between outputs, a whole number of steps.
        outputs: How many after the first.
        step: Step size.
        method: Takes the steps.

    Returns:
        Shape ``[1 + outputs, batch, d]``.
    """
    states = z0.new_full((outputs + 1, *z0.shape), math.nan)
    states[0] = z0
    alive = torch.ones(len(z0), dtype=torch.bool, device=z0.device)
    times = torch.tensor([0.0, spacing], dtype=torch.float64)
    for index in range(outputs):
        if not bool(alive.any()):
            break
        end = _end(field, states[index, alive], times, step, method)
        near = end.isfinite().all(dim=1) & (end.abs().amax(dim=1) < _FAR)
        alive[alive.clone()] = near
        states[index + 1, alive] = end[near]
    return states


def _end(field: VectorField, z: Tensor, times: Tensor, step: float, method: Method) -> Tensor:
    """Return the state after one output interval; not-a-number of trajectories that leave all bounds within it."""
    try:
        states = solve(field, z, times, method=method, options={"step_size": step}).states
    except NonFiniteError:
        if len(z) == 1:
            return torch.full_like(z, math.nan)
        half = len(z) // 2
        return torch.cat([_end(field, part, times, step, method) for part in (z[:half], z[half:])])
    if not isinstance(states, Tensor):
        raise TypeError("the state is one tensor")
    return states[-1]
