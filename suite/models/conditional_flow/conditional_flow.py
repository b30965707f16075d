"""A continuous normalizing flow for every condition: data control with a likelihood that holds."""

from __future__ import annotations

from torch import Tensor, nn

from suite.models.conditional_flow.controlled_field import ControlledField
from suite.models.flows import ContinuousFlow, FlowField
from suite.models.solved_field import Gradient


class ConditionalFlow(nn.Module):
    """``dz/dt = f(t, z, c)`` with a condition ``c`` that is no function of ``z`` (Massaroli et al. 2020, section 5.1).

    For each ``c`` it is an ordinary continuous flow: a bijection between the base and ``p(x | c)``, whose
    log-determinant is the integral of ``tr(df/dz)``. Paths of one condition never cross; those of two may.
    Both hold because the same ``c`` is known on the way there and on the way back.
    """

    def __init__(
        self,
        field: ControlledField,
        *,
        method: str = "dopri5",
        tolerance: float = 1e-5,
        gradient: Gradient = "adjoint",
    ) -> None:
        """Wrap a field.

        Args:
            field: The controlled field.
            method: A method of ``suite.solvers``.
            tolerance: Relative and absolute tolerance; may be changed between calls.
            gradient: How to differentiate through the solve; the adjoint gives no gradients to the condition.
        """
        super().__init__()
        self.field = field
        self.method = method
        self.tolerance = tolerance
        self.gradient = gradient

    def given(self, c: Tensor) -> ContinuousFlow:
        """Return the flow of a condition, from the standard normal base at time 0 to ``p(x | c)`` at time 1.

        It shares the parameters, holds its condition for good, and counts evaluations from 0: a backward pass after
        another condition was asked for still sees its own.

        Args:
            c: Conditions, shape ``[n, condition]`` for as many points, or ``[1, condition]`` for any number.
        """
        return ContinuousFlow(
            GivenField(self.field, c),
            method=self.method,
            rtol=self.tolerance,
            atol=self.tolerance,
            gradient=self.gradient,
        )


class GivenField(FlowField):
    """A controlled field with its condition: an ordinary field of flows."""

    def __init__(self, field: ControlledField, c: Tensor) -> None:
        super().__init__()
        self.field = field
        self.c = c

    def velocity_and_divergence(self, t: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``f(t, z, c)``, shape ``[n, d]``, and its divergence, shape ``[n]``."""
        return self.field.velocity_and_divergence(t, z, self.c)

    def forward(self, t: Tensor, z: Tensor) -> Tensor:
        """Return ``f(t, z, c)``, shape ``[n, d]``."""
        velocity: Tensor = self.field(t, z, self.c)
        return velocity
