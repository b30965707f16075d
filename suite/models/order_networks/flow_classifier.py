"""A classifier of points by a Neural ODE: start of the state, flow, linear head."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from suite.gradients import solve_with_integral
from suite.models.ode_block import ODEBlock
from suite.solvers.methods import MethodName


class FlowClassifier(nn.Module):
    """``x -> h_y(z(1))`` with ``dz/dt = f(t, z)`` and ``z(0) = h_x(x)``, differentiated through the solver."""

    def __init__(self, start: nn.Module, field: nn.Module, state: int, classes: int, tolerance: float) -> None:
        """Wrap the parts.

        Args:
            start: From inputs ``[n, d]`` to initial states ``[n, state]``.
            field: The vector field of states.
            state: Size of the state.
            classes: Number of classes.
            tolerance: Relative and absolute tolerance of dopri5.
        """
        super().__init__()
        self.start = start
        self.block = ODEBlock(field, rtol=tolerance, atol=tolerance, gradient="direct")
        self.head = nn.Linear(state, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return class scores ``[n, classes]`` of inputs ``[n, d]``."""
        scores: Tensor = self.head(self.block(self.start(x)))
        return scores

    def with_effort(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return class scores, and the integral over depth of the field's magnitude.

        Returns:
            Scores ``[n, classes]``, and ``int sum |f| dt``, summed over samples and entries of the state as in the
            authors' tutorial of a network of order ten.
        """

        def magnitude(t: Tensor, z: Tensor, derivative: Tensor) -> Tensor:
            del t, z
            return derivative.abs().sum()

        field = self.block.counted
        tolerance, method = self.block.rtol, cast(MethodName, self.block.method)
        solution, integral = solve_with_integral(
            field, magnitude, self.start(x), self.block.times, method=method, rtol=tolerance, atol=tolerance
        )
        states = solution.states
        if not isinstance(states, Tensor):
            raise TypeError("the state is one tensor")
        scores: Tensor = self.head(states[-1])
        return scores, integral[-1]

    @torch.no_grad()
    def evaluations(self, x: Tensor) -> int:
        """Return the evaluations of the field in the solve of a batch ``[n, d]``."""
        self.block.reset_counts()
        self(x)
        return self.block.nfe_forward
