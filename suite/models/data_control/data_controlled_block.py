"""A block of continuous depth whose field reads a condition that stays fixed along the path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast, get_args

import torch
from torch import Tensor, nn

from suite.gradients import odeint_adjoint
from suite.models.ode_block import Gradient
from suite.solvers import CountedField, odeint


class DataControlledBlock(nn.Module):
    """``dz/dt = field(t, z, c)``, where ``c`` is given beside ``z(0)`` (Massaroli et al. 2020, section 5.1).

    In the paper ``c`` is the input itself, ``block(x, x)``: paths of different inputs may then cross. With a separate
    condition, such as a class, ``z(0) -> z(1)`` is a flow for each, with the log-determinant of a flow: a continuous
    normalizing flow is conditioned this way. Gradients reach ``z(0)`` and ``c``, of any batch size.

    Attributes:
        nfe_forward: Evaluations of the field in forward passes since the counts were reset.
        rtol: Relative tolerance; may be changed between calls.
        atol: Absolute tolerance; may be changed between calls.
        gradient: How to differentiate; may be changed between calls.
        options: Options of the method; may be changed between calls.
    """

    def __init__(
        self,
        field: nn.Module,
        *,
        method: str = "dopri5",
        rtol: float = 1e-3,
        atol: float = 1e-3,
        gradient: Gradient = "adjoint",
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """Wrap a vector field.

        Args:
            field: A module called as ``field(t, z, c)``.
            method: A method of ``suite.solvers``.
            rtol: Relative tolerance.
            atol: Absolute tolerance.
            gradient: How to differentiate through the solve.
            options: Options of the method, such as ``{"step_size": 0.25}``; the reverse solve takes the same.

        Raises:
            ValueError: For an unknown way to differentiate.
        """
        super().__init__()
        if gradient not in get_args(Gradient):
            raise ValueError(f"unknown gradient {gradient!r}; the ways are {', '.join(get_args(Gradient))}")
        self.counted = CountedField(_WithCondition(field))
        self.method = method
        self.rtol = rtol
        self.atol = atol
        self.gradient: Gradient = gradient
        self.options = None if options is None else dict(options)
        self.nfe_forward = 0

    @property
    def field(self) -> nn.Module:
        """The vector field."""
        return cast(_WithCondition, self.counted.vector_field).field

    @property
    def nfe_backward(self) -> int:
        """Evaluations of the field in backward passes since the counts were reset; direct gradients need none."""
        return int(self.counted.nfe) - self.nfe_forward

    def reset_counts(self) -> None:
        """Set the counts of evaluations to zero; call it between passes, not between a forward and its backward."""
        self.counted.reset()
        self.nfe_forward = 0

    def forward(self, z0: Tensor, condition: Tensor) -> Tensor:
        """Map the state at time 0 to the state at time 1, of the same shape, under a condition."""
        return self.trajectory(z0, condition, (0.0, 1.0))[-1]

    def trajectory(self, z0: Tensor, condition: Tensor, times: Tensor | Sequence[float]) -> Tensor:
        """Carry states along the flow, in either direction of time.

        Args:
            z0: States at ``times[0]``, shape ``[n, ...]``.
            condition: What the field reads, of any shape that it takes.
            times: Strictly monotone times; best on the host, where the solver reads them.

        Returns:
            States of shape ``[len(times), n, ...]``, beginning with those given.
        """
        before = self.counted.nfe
        solve = odeint if self.gradient == "direct" else odeint_adjoint
        grid = torch.as_tensor(times, dtype=z0.dtype)
        # The condition is a part of the state that stands still, so that every way to differentiate a solve reaches it.
        # The error norm is the largest over the parts: the condition, without error, does not loosen that of z.
        states = solve(
            self.counted,
            (z0, condition.to(z0.dtype)),
            grid,
            rtol=self.rtol,
            atol=self.atol,
            method=self.method,
            options=self.options,
        )
        self.nfe_forward += self.counted.nfe - before
        return states[0]


class _WithCondition(nn.Module):
    """The derivative of ``(z, c)``: that of the condition is zero."""

    def __init__(self, field: nn.Module) -> None:
        super().__init__()
        self.field = field

    def forward(self, t: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        z, condition = state
        return self.field(t, z, condition), torch.zeros_like(condition)
