"""A block of continuous depth whose field reads a condition that stays fixed along the path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack, cast

import torch
from torch import Tensor, nn

from suite.models.solved_field import SolvedField, SolverOptions


class DataControlledBlock(SolvedField):
    """``dz/dt = field(t, z, c)``, where ``c`` is given beside ``z(0)`` (Massaroli et al. 2020, section 5.1).

    In the paper ``c`` is the input itself, ``block(x, x)``: paths of different inputs may then cross. With a separate
    condition, such as a class, ``z(0) -> z(1)`` is a flow for each, with the log-determinant of a flow: a continuous
    normalizing flow is conditioned this way. Gradients reach ``z(0)`` and ``c``, of any batch size.
    """

    def __init__(self, field: nn.Module, **solver: Unpack[SolverOptions]) -> None:
        """Wrap a vector field, a module called as ``field(t, z, c)``, as a :class:`SolvedField` does."""
        super().__init__(_WithCondition(field), **solver)

    @property
    def field(self) -> nn.Module:
        """The vector field."""
        return cast(_WithCondition, self.counted.vector_field).field

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
        # The condition is a part of the state that stands still, so that every way to differentiate a solve reaches it.
        # The error norm is the largest over the parts: the condition, without error, does not loosen that of z.
        return self.solved((z0, condition.to(z0.dtype)), torch.as_tensor(times, dtype=z0.dtype))[0]


class _WithCondition(nn.Module):
    """The derivative of ``(z, c)``: that of the condition is zero."""

    def __init__(self, field: nn.Module) -> None:
        super().__init__()
        self.field = field

    def forward(self, t: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        z, condition = state
        return self.field(t, z, condition), torch.zeros_like(condition)
