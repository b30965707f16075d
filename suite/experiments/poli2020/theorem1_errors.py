"""Local and global errors of a method on a measured problem."""

from __future__ import annotations

import torch
from torch import Tensor

from suite.declarations import Axis, Meter
from suite.experiments.poli2020.theorem1_problems import MeasuredProblem
from suite.models.hypersolvers import NominalTrajectories
from suite.solvers import Method, solve
from suite.solvers.vector_field import VectorField

_MEASURED_STEPS = 16


@torch.no_grad()
def one_step(field: VectorField, states: Tensor, size: float, method: Method) -> Tensor:
    """Take one step of a method from states ``[batch, d]`` of a field without time."""
    end = solve(field, states, torch.tensor([0.0, size], dtype=torch.float64), method=method).states
    if not isinstance(end, Tensor):
        raise TypeError("the state is one tensor")
    return end[-1]


def local_errors(field: VectorField, exact: NominalTrajectories, method: Method) -> Tensor:
    """Return ``||z(s_{k+1}) - step(z(s_k))||`` of every sample at every step, or of a fine grid at some 16 of them."""
    size = exact.times[1] - exact.times[0]
    stride = max(1, (len(exact.times) - 1) // _MEASURED_STEPS)
    found = one_step(field, exact.states[:-1:stride].flatten(0, 1), size, method)
    norms: Tensor = torch.linalg.vector_norm(exact.states[1::stride].flatten(0, 1) - found, dim=1)
    return norms


@torch.no_grad()
def global_errors(field: VectorField, exact: NominalTrajectories, method: Method) -> Tensor:
    """Return ``||z(S) - z_K||`` of every sample, shape ``[batch]``."""
    times = torch.tensor(exact.times, dtype=torch.float64)
    states = solve(field, exact.states[0], times, method=method).states
    if not isinstance(states, Tensor):
        raise TypeError("the state is one tensor")
    norms: Tensor = torch.linalg.vector_norm(exact.states[-1] - states[-1], dim=1)
    return norms


def record_errors(problem: MeasuredProblem, method: Method, steps: int, meter: Meter, **axes: Axis) -> float:
    """Record mean local and global error at a number of steps; return the global one."""
    exact = problem.on_grid(steps)
    named: dict[str, Axis] = {"problem": problem.name, "order": method.order, "steps": steps, "step": 1 / steps, **axes}
    meter.record("local_error", float(local_errors(problem.field, exact, method).mean()), "1", **named)
    error = float(global_errors(problem.field, exact, method).mean())
    meter.record("global_error", error, "1", **named)
    return error
