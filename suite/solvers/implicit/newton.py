"""Newton's method for the stage equations, and its correction that autograd can follow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Never

import torch
from torch import Tensor

from suite.solvers.errors import IntegrationError, NonFiniteError
from suite.solvers.implicit.stage_equations import StageEquations
from suite.solvers.implicit.stage_system import Solve, StageSystem

_SLOW = 0.1  # contraction above which a new Jacobian is worth its cost
_LEAST_DAMPING = 2.0**-10


class StageEquationError(IntegrationError):
    """The stage equations of an implicit method could not be solved: the step is too large, or the field not smooth."""


@dataclass(frozen=True)
class NewtonLimits:
    """When Newton's method stops.

    Attributes:
        tolerance: Error of a stage, relative to the largest entry of the state, at which it has converged.
        stagnation: The same at which rounding may have stopped it.
        max_iters: Largest number of iterations.
    """

    tolerance: float
    stagnation: float
    max_iters: int


def newton(
    equations: StageEquations, system: StageSystem, residual: Tensor, limits: NewtonLimits, time: float
) -> Tensor:
    """Solve the stage equations from their starting guess.

    Simplified Newton iterations with the contraction test of Hairer and Wanner, *Solving Ordinary Differential
    Equations II*, equation (IV.8.10): the error after an update d is at most ``theta / (1 - theta) |d|``. Where they
    contract slowly, Jacobians are taken anew at the current stages; where updates do not shrink even then, they are
    halved (the restricted natural monotonicity test of Deuflhard, *Newton Methods for Nonlinear Problems* (2004),
    section 3.3).

    Args:
        equations: The equations, constants to autograd.
        system: An approximate derivative of theirs.
        residual: Their residual at the starting guess.
        limits: When to stop.
        time: Start of the step, for messages.

    Returns:
        The increments, shape ``[stages, n]``.

    Raises:
        NonFiniteError: The field is not finite at the starting guess.
        StageEquationError: The iteration did not converge, or a linear system could not be solved.
    """

    def measured(update: Tensor, z: Tensor) -> tuple[float, float]:
        """Return the largest entries of an update and of the stages."""
        equations.statistics.host_syncs += 1
        size, scale = torch.stack([update.abs().max(), (equations.y + z).abs().max()]).tolist()
        return size, scale

    z, damping, current = equations.start(), 1.0, False
    if not z.numel():
        return z
    update = system.solve(residual)
    size, scale = measured(update, z)
    if not math.isfinite(size):
        _refuse(residual, time)
    for _ in range(limits.max_iters):
        if size <= limits.tolerance * scale:
            return z - update
        trial = z - damping * update
        following = system.solve(equations.residual(trial))
        next_size, next_scale = measured(following, trial)
        contraction = next_size / size
        if contraction <= 1 - damping / 4:  # false where it is not a number
            z, update, size, scale = trial, following, next_size, next_scale
            if damping == 1 and contraction * size <= (1 - contraction) * limits.tolerance * scale:
                return z - update
            damping, current, renew = min(2 * damping, 1.0), False, contraction > _SLOW
        elif not current:
            renew = True
        elif size <= limits.stagnation * scale or damping <= _LEAST_DAMPING:
            break
        else:
            damping, renew = damping / 2, False
        if renew:
            system, residual = equations.linearise(z)
            update, current = system.solve(residual), True
            size, scale = measured(update, z)
            if not math.isfinite(size):
                _refuse(residual, time)
    if size <= limits.stagnation * scale:
        return z
    raise StageEquationError(
        f"Newton's method did not solve the stage equations of the step from t = {time:g} "
        f"(last update {size:.1e}, state {scale:.1e}); take smaller steps, or allow more max_iters",
        time,
    )


def _refuse(residual: Tensor, time: float) -> Never:
    """Say why there is no first update."""
    if not bool(residual.isfinite().all()):
        raise NonFiniteError(f"the vector field is not finite in the step from t = {time:g}", time)
    raise StageEquationError(
        f"the linear system of the stage equations in the step from t = {time:g} could not be solved: it is singular, "
        "or GMRES did not converge, in which case a larger option dense_limit has it factorised instead",
        time,
    )


def attach(equations: StageEquations, z: Tensor) -> Tensor:
    """Return solved increments as a function of all that the equations depend on, to second derivatives.

    Two corrections ``z <- z - M^-1 G(z)`` with ``M = dG/dz`` at the solution, held fixed; the value stays what it is.
    Proof: if parameters move by d, the error e of z against the moved solution becomes
    ``(1 - M^-1 dG/dz) e + O(e^2)``; as ``dG/dz = M + O(d)``, it goes from O(d) to O(d^2) to O(d^3).

    Args:
        equations: The equations as autograd follows them.
        z: Their solution, a constant, shape ``[stages, n]``.
    """
    with torch.no_grad():
        system, _ = equations.frozen().linearise(z)
    for _ in range(2):
        z = z - Solve.apply(system, equations.residual(z), False)
    return z
