"""What one solve of a trained ODE-Net costs and how exact it is, forwards and backwards (Chen et al. 2018, Fig. 3)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from suite import solve
from suite.declarations import Axis, Meter
from suite.experiments.chen2018.trained_problem import Reference, TrainedProblem, final_state
from suite.experiments.chen2018.vode_seminorm import solve_back_by_vode_seminorm
from suite.gradients import Adjoint
from suite.solvers import Solution


@dataclass(frozen=True)
class Solver:
    """A method with the norm of its reverse solve.

    Attributes:
        method: A method of ``suite.solvers``, the same forwards and backwards.
        seminorm: Whether the gradients of the parameters are left out of the norm of the reverse solve.
    """

    method: str
    seminorm: bool

    @classmethod
    def of(cls, variant: str) -> Solver:
        """Return the solver that a variant names: ``<method>`` or ``<method>-seminorm``."""
        method = variant.removesuffix("-seminorm")
        return cls(method, seminorm=method != variant)

    def forwards(self, problem: TrainedProblem, tolerance: float) -> Solution:
        """Solve a problem."""
        return solve(problem.field, problem.z0, problem.times, method=self.method, rtol=tolerance, atol=tolerance)

    def backwards(self, problem: TrainedProblem, tolerance: float, scale: float) -> tuple[int, Tensor]:
        """Solve a problem, and its adjoint backwards in time.

        Args:
            problem: The problem.
            tolerance: Relative and absolute tolerance of both solves.
            scale: What the loss is multiplied with.

        Returns:
            Evaluations of the reverse solve, and the gradient by the field's parameters as one vector, divided by the
            scale.
        """
        if self.seminorm and self.method == "vode_adams":
            z1 = final_state(self.forwards(problem, tolerance).states).detach()
            return solve_back_by_vode_seminorm(problem, z1, tolerance, scale)
        options = {"norm": "seminorm"} if self.seminorm else None
        solution = solve(
            problem.field,
            problem.z0,
            problem.times,
            method=self.method,
            rtol=tolerance,
            atol=tolerance,
            gradient=Adjoint(options=options, parameters=problem.parameters),
        )
        gradient = problem.gradient(final_state(solution.states), scale)
        return solution.backward.nfe, gradient


@torch.no_grad()
def measure_forward(
    problem: TrainedProblem,
    exact: Reference,
    solver: Solver,
    tolerance: float,
    *,
    repeats: int,
    meter: Meter,
    **axes: Axis,
) -> int:
    """Record evaluations, error and time of a forward solve, and how far a solve back misses the start.

    ``numerical_error`` is the root mean square of the final state's error. ``scaled_error`` is that of the error
    relative to ``1 + max(|z(0)|, |z(1)|)``, entry by entry: the norm in which a solver keeps each step below the
    tolerance. ``reconstruction_error`` is the largest error of z(0) after solving from z(1) back, as a reverse solve
    does. ``forward_seconds`` is the smallest time of the repeats: what disturbs a time makes it longer.

    Returns:
        Evaluations of the forward solve.
    """
    times = []
    for _ in range(repeats):
        with meter.wall_time() as seconds:
            solution = solver.forwards(problem, tolerance)
        times.append(seconds.value)
    z1 = final_state(solution.states)
    error = z1 - exact.z1
    scale = 1 + torch.maximum(problem.z0.abs(), exact.z1.abs())
    back = solve(problem.field, z1, problem.times.flip(0), method=solver.method, rtol=tolerance, atol=tolerance)
    start = final_state(back.states)
    meter.record("nfe_forward", solution.statistics.nfe, "evaluations", tolerance=tolerance, **axes)
    meter.record("numerical_error", root_mean_square(error), "1", tolerance=tolerance, **axes)
    meter.record("scaled_error", root_mean_square(error / scale), "1", tolerance=tolerance, **axes)
    meter.record("forward_seconds", min(times), "s", tolerance=tolerance, **axes)
    meter.record("reconstruction_error", float((start - problem.z0).abs().max()), "1", tolerance=tolerance, **axes)
    return solution.statistics.nfe


def measure_backward(
    problem: TrainedProblem,
    exact: Reference,
    solver: Solver,
    tolerance: float,
    scale: float,
    *,
    forward: int,
    meter: Meter,
    **axes: Axis,
) -> None:
    """Record evaluations of a reverse solve, over those of the forward solve too, and the error of its gradient.

    ``gradient_error`` is relative to the gradient of the reference, in the Euclidean norm over the field's parameters;
    it is left out where the reference has no gradient.
    """
    evaluations, gradient = solver.backwards(problem, tolerance, scale)
    where: dict[str, Axis] = {"tolerance": tolerance, "loss_scale": scale, **axes}
    meter.record("nfe_backward", evaluations, "evaluations", **where)
    meter.record("nfe_ratio", evaluations / forward, "1", **where)
    if exact.gradient is not None:
        meter.record("gradient_error", relative_error(gradient, exact.gradient), "1", **where)


def root_mean_square(entries: Tensor) -> float:
    """Return the root mean square of all entries."""
    return float(entries.square().mean().sqrt())


def relative_error(approximate: Tensor, exact: Tensor) -> float:
    """Return the Euclidean norm of the difference over that of the exact vector."""
    return float((approximate - exact).norm() / exact.norm())
