"""VODE's reverse solve with a seminorm: the gradients of the parameters take no part in its error control.

VODE measures an error by the root mean square over *all* entries of the augmented state, each divided by its own
tolerance. Parameters that are left out (an unbounded tolerance) would thus still dilute the error of the state and the
adjoint by their number, so these get a tolerance that is smaller by the root of their share.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from suite import solve
from suite.experiments.chen2018.trained_problem import TrainedProblem, final_state
from suite.gradients.augmented import AugmentedField
from suite.solvers.state import StateLayout
from suite.solvers.vector_field import PackedField

UNBOUNDED = 1e30
"""A tolerance that no error reaches, and whose inverse squared is still a number."""


def solve_back_by_vode_seminorm(
    problem: TrainedProblem, z1: Tensor, tolerance: float, scale: float
) -> tuple[int, Tensor]:
    """Solve the adjoint system (Chen et al. 2018, Algorithm 1) from a final state back to the start.

    Args:
        problem: The problem.
        z1: The final state of the forward solve.
        tolerance: Relative and absolute tolerance, as the root mean square over state and adjoint alone.
        scale: What the loss is multiplied with.

    Returns:
        Evaluations, and the gradient by the field's parameters as one vector, divided by the scale.
    """
    leaf = z1.detach().requires_grad_(True)
    (cotangent,) = torch.autograd.grad(scale * problem.loss(leaf), leaf)
    parameters = problem.parameters
    augmented = AugmentedField(PackedField(problem.field, StateLayout.of(z1)), parameters)
    controlled, others = 2 * z1.numel(), sum(parameter.numel() for parameter in parameters)
    start = torch.cat([z1.reshape(-1), cotangent.reshape(-1), z1.new_zeros(others)])
    bounded = tolerance * math.sqrt(controlled / (controlled + others))
    tolerances = torch.cat([start.new_full((controlled,), bounded), start.new_full((others,), UNBOUNDED)])
    solution = solve(augmented, start, problem.times.flip(0), method="vode_adams", rtol=tolerances, atol=tolerances)
    return solution.statistics.nfe, final_state(solution.states)[controlled:] / scale
