"""Runge-Kutta steps whose coefficients are fitted, a few numbers for each step: a baseline that learns no network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from suite.solvers import ButcherTableau
from suite.solvers.vector_field import VectorField


class FittedSteps(nn.Module):
    """Explicit Runge-Kutta steps over the unit interval, each with coefficients of its own, begun at a tableau's.

    ``s`` stages have ``s (s - 1) / 2`` coefficients and ``s`` weights; a stage's node is the sum of its coefficients.
    Such solvers are called bespoke (Shaul et al. 2023, arXiv 2310.19075); theirs stay consistent, ours need not.

    Attributes:
        coefficients: The rows below the diagonal, joined; shape ``[steps, s (s - 1) / 2]``.
        weights: Shape ``[steps, s]``.
    """

    def __init__(self, tableau: ButcherTableau, steps: int, dtype: torch.dtype = torch.float64) -> None:
        super().__init__()
        self.stages = tableau.stages
        matrix = torch.as_tensor(tableau.coefficients.tolist(), dtype=dtype)
        rows, columns = torch.tril_indices(self.stages, self.stages, -1)
        self.coefficients = nn.Parameter(matrix[rows, columns].repeat(steps, 1))
        self.weights = nn.Parameter(torch.as_tensor(tableau.weights.tolist(), dtype=dtype).repeat(steps, 1))

    def forward(self, field: VectorField, z: Tensor) -> Tensor:
        """Return the ends, like the states ``z`` at time 0.

        Args:
            field: ``f(s, z)``.
            z: States, shape ``[batch, *state]``.
        """
        steps = len(self.weights)
        size = 1 / steps
        for k in range(steps):
            slopes: list[Tensor] = []
            coefficients = iter(self.coefficients[k])
            for stage in range(self.stages):
                time, inside = torch.tensor(k / steps, dtype=z.dtype, device=z.device), z
                for slope in slopes[:stage]:
                    step = size * next(coefficients)
                    time, inside = time + step, inside + step * slope
                slopes.append(field(time, inside))
            for weight, slope in zip(self.weights[k], slopes, strict=True):
                z = z + size * weight * slope
        return z
