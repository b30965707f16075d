"""A block of continuous depth that integrates every input to a depth of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, Unpack, cast, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from suite.models.data_control import DataControlledBlock
from suite.models.solved_field import SolverOptions

Sign = Literal["signed", "positive"]
"""Whether inputs may be integrated backwards in depth as well."""

_UNIT = math.log(math.e - 1)  # softplus of it is 1


class AdaptiveDepthBlock(nn.Module):
    """``z(S(x))`` with ``dz/ds = field(s, z)``, where a network gives the depth ``S(x)`` of each sample.

    Massaroli et al. (2020), section 5.2. All samples are solved at once on ``tau = s / S`` in [0, 1], by
    ``dz/dtau = S(x) field(S(x) tau, z)``: depth and gradients are exact for each sample of a batch of any size; the
    one by the depth is ``dL/dS = a(S) field(S, z(S))``.

    Attributes:
        depth_network: The network that gives the depth.
        block: The solve on ``tau``; counts evaluations, and its method and tolerances may be changed between calls.
        sign: Whether depths are signed or positive.
    """

    def __init__(
        self,
        field: nn.Module,
        depth_network: nn.Module,
        *,
        sign: Sign = "positive",
        **solver: Unpack[SolverOptions],
    ) -> None:
        """Wrap a vector field and a network for its depth.

        Args:
            field: A module called as ``field(s, z)`` with depths ``s [n]`` and states ``z [n, ...]``.
            depth_network: A network from inputs ``[n, ...]`` to one number each, ``g(x)`` of shape ``[n, 1]``.
            sign: ``signed`` takes ``S = g(x)``; ``positive`` a softplus of it, which is 1 where ``g`` is 0.
            **solver: How to solve on ``tau``, as a :class:`SolvedField` takes it.

        Raises:
            ValueError: For an unknown sign or way to differentiate.
        """
        super().__init__()
        if sign not in get_args(Sign):
            raise ValueError(f"unknown sign {sign!r}; depths are {' or '.join(get_args(Sign))}")
        self.depth_network = depth_network
        self.sign = sign
        self.block = DataControlledBlock(_Rescaled(field), **solver)

    @property
    def field(self) -> nn.Module:
        """The vector field, in the depth of the samples' own."""
        return cast(_Rescaled, self.block.field).field

    def depth(self, x: Tensor) -> Tensor:
        """Return the depth of every input, shape ``[n]``."""
        found: Tensor = self.depth_network(x).reshape(len(x))
        return found if self.sign == "signed" else functional.softplus(found + _UNIT)

    def forward(self, z0: Tensor, x: Tensor | None = None) -> Tensor:
        """Map states at depth 0 to those at the depth of their inputs.

        Args:
            z0: States, shape ``[n, ...]``.
            x: What the depths are found from; the states themselves by default.
        """
        end: Tensor = self.block(z0, self.depth(z0 if x is None else x))
        return end

    def trajectory(
        self, z0: Tensor, fractions: Tensor | Sequence[float], x: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the path of every sample.

        Args:
            z0: States at depth 0, shape ``[n, ...]``.
            fractions: Strictly increasing fractions of each sample's depth, from 0.
            x: What the depths are found from; the states themselves by default.

        Returns:
            Depths of shape ``[len(fractions), n]`` and states of shape ``[len(fractions), n, ...]``.
        """
        depth = self.depth(z0 if x is None else x)
        shares = torch.as_tensor(fractions, dtype=z0.dtype)
        states = self.block.trajectory(z0, depth, shares)
        return shares.to(depth.device).unsqueeze(1) * depth, states


class _Rescaled(nn.Module):
    """``S field(S tau, z)``."""

    def __init__(self, field: nn.Module) -> None:
        super().__init__()
        self.field = field

    def forward(self, tau: Tensor, z: Tensor, depth: Tensor) -> Tensor:
        derivative: Tensor = self.field(depth * tau, z)
        return depth.reshape(-1, *[1] * (z.dim() - 1)) * derivative
