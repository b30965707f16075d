"""The leading term of the residual of the second-order family, by exact directional derivatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import jvp


@dataclass(frozen=True)
class ElementaryDifferentials:
    """The two terms of third order of a field without time, at a batch of states.

    Attributes:
        curvature: ``f''(f, f)``, like the states.
        twice: ``f' f' f``, likewise.
    """

    curvature: Tensor
    twice: Tensor

    def residual(self, alpha: float) -> Tensor:
        """Return ``R_alpha`` without its ``O(eps)``: ``(1/6 - alpha/4) f''(f, f) + f' f' f / 6``.

        The Taylor series of the solution has ``eps^3 / 6`` times both terms, that of the method ``eps^3 alpha / 4``
        times the first alone, as ``b2 = 1 / (2 alpha)`` and its second stage is ``f(z + alpha eps f)``.
        """
        return (1 / 6 - alpha / 4) * self.curvature + self.twice / 6

    def shift(self, alpha: float, other: float) -> Tensor:
        """Return ``R_alpha - R_other``, which is in ``f''(f, f)`` alone."""
        return (other - alpha) / 4 * self.curvature


@torch.no_grad()
def elementary_differentials(field: nn.Module, states: Tensor) -> ElementaryDifferentials:
    """Differentiate a field along itself, without differences.

    Args:
        field: ``f(s, z)``, which does not depend on ``s``.
        states: Shape ``[n, ...]``.
    """
    zero = torch.zeros((), dtype=states.dtype, device=states.device)
    slope = field(zero, states)

    def along(direction: Tensor) -> Callable[[Tensor], Tensor]:
        """Return ``z -> f'(z) direction``, the direction held fast."""

        def derivative(z: Tensor) -> Tensor:
            product: Tensor = jvp(lambda y: field(zero, y), (z,), (direction,))[1]
            return product

        return derivative

    first = along(slope)(states)
    curvature: Tensor = jvp(along(slope), (states,), (slope,))[1]
    return ElementaryDifferentials(curvature, along(first)(states))
