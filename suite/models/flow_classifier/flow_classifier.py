"""A classifier by a Neural ODE: start of the state, flow, head; and integrals along its paths."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from suite.gradients import solve_with_integral
from suite.gradients.generalised import RunningLoss
from suite.models.ode_block import ODEBlock
from suite.solvers.methods import MethodName


class FlowClassifier(nn.Module):
    """``x -> h_y(z(1))`` with ``dz/dt = f(t, z)`` and ``z(0) = h_x(x)``, differentiated through the solver."""

    def __init__(self, start: nn.Module, field: nn.Module, head: nn.Module, tolerance: float) -> None:
        """Wrap the parts.

        Args:
            start: From inputs ``[n, ...]`` to initial states.
            field: The vector field of states.
            head: From final states to class scores ``[n, classes]``.
            tolerance: Relative and absolute tolerance of dopri5.
        """
        super().__init__()
        self.start = start
        self.block = ODEBlock(field, rtol=tolerance, atol=tolerance, gradient="direct")
        self.head = head

    @property
    def field(self) -> nn.Module:
        """The vector field."""
        return cast(nn.Module, self.block.counted.vector_field)

    def forward(self, x: Tensor) -> Tensor:
        """Return class scores ``[n, classes]`` of inputs ``[n, ...]``."""
        scores: Tensor = self.head(self.block(self.start(x)))
        return scores

    def with_integral(self, x: Tensor, running_loss: RunningLoss) -> tuple[Tensor, Tensor]:
        """Return class scores and the integral of a loss along the paths to them, from one solve.

        Args:
            x: Inputs, shape ``[n, ...]``.
            running_loss: The integrand, a function of ``(t, z, f)``.

        Returns:
            Scores ``[n, classes]``, and the integral over depth, of the shape of the running loss.

        Raises:
            TypeError: When the state is not one tensor.
        """
        tolerance, method = self.block.rtol, cast(MethodName, self.block.method)
        solution, integral = solve_with_integral(
            self.block.counted,
            running_loss,
            self.start(x),
            self.block.times,
            method=method,
            rtol=tolerance,
            atol=tolerance,
        )
        states = solution.states
        if not isinstance(states, Tensor):
            raise TypeError("the state is one tensor")
        scores: Tensor = self.head(states[-1])
        return scores, integral[-1]

    @torch.no_grad()
    def evaluations(self, x: Tensor) -> int:
        """Return the evaluations of the field in the solve of a batch ``[n, ...]``."""
        self.block.reset_counts()
        self(x)
        return self.block.nfe_forward
