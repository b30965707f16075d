"""The determinant of one wide planar layer of a normalizing flow, the ways whose costs section 4 is about."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class WideLayer:
    """``z' = z + U^T tanh(W z + b)`` at one point: ``w [M, d]``, ``u [M, d]``, and the slopes of tanh ``[M]``.

    Its Jacobian is ``I + U^T diag(h') W``. By the matrix determinant lemma its determinant is also that of the
    ``M x M`` matrix ``I + diag(h') W U^T``, which is what costs O(M^3).
    """

    w: Tensor
    u: Tensor
    slopes: Tensor

    @classmethod
    def random(cls, width: int, dimensions: int, generator: torch.Generator, device: torch.device) -> WideLayer:
        """Return a layer whose Jacobian is well conditioned at any width, in float64."""
        w, u = (torch.randn(width, dimensions, generator=generator, dtype=torch.float64) / width**0.5 for _ in range(2))
        slopes = torch.rand(width, generator=generator, dtype=torch.float64)
        return cls(w.to(device), u.to(device), slopes.to(device))

    def wide(self) -> Tensor:
        """Return ``I + diag(h') W U^T``, shape ``[M, M]``."""
        return (
            torch.eye(len(self.w), dtype=self.w.dtype, device=self.w.device)
            + (self.slopes[:, None] * self.w) @ self.u.t()
        )

    def narrow(self) -> Tensor:
        """Return ``I + U^T diag(h') W``, shape ``[d, d]``: the same determinant, at a cost linear in M."""
        dimensions = self.w.shape[1]
        return torch.eye(dimensions, dtype=self.w.dtype, device=self.w.device) + self.u.t() @ (
            self.slopes[:, None] * self.w
        )


def log_determinant_by_products(matrix: Tensor) -> Tensor:
    """Return ``log |det|`` of a matrix ``[M, M]`` by Gaussian elimination with partial pivoting.

    What LU decomposition does, written with matrix products so that its ``M^3 / 3`` multiply-accumulates are counted.
    """
    remaining, diagonal = matrix, []
    while len(remaining) > 1:
        pivot = remaining[:, 0].abs().argmax().view(1)
        first = torch.zeros_like(pivot)
        top = remaining.index_select(0, pivot)
        remaining = remaining.index_copy(0, pivot, remaining.index_select(0, first))
        diagonal.append(top[0, 0])
        factors = remaining[1:, :1] / top[:, :1]
        remaining = remaining[1:, 1:] - factors @ top[:, 1:]
    return torch.stack([*diagonal, remaining[0, 0]]).abs().log().sum()
