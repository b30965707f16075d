"""GMRES: a linear system solved from products with its matrix alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from suite.solvers.order_conditions import Array

_RESTART = 60  # vectors kept before a restart: memory of that many states
_CYCLES = 10


def gmres(product: Callable[[Tensor], Tensor], right: Tensor, tolerance: float) -> tuple[Tensor, float]:
    """Solve ``M x = right``, starting from zero.

    Saad and Schultz (1986), SIAM Journal on Scientific and Statistical Computing 7, 856-869, restarted; the basis is
    made orthogonal by classical Gram-Schmidt done twice, which is two matrix products and as stable as the modified
    one (Giraud, Langou and Rozloznik 2005).

    Args:
        product: Multiplies a vector, shape ``[n]``, by M.
        right: Right side, shape ``[n]``.
        tolerance: Norm of the residual, relative to that of the right side, at which to stop.

    Returns:
        The solution, shape ``[n]``, and the relative norm of its residual, which is above the tolerance, or not a
        number, where the iteration did not get there.
    """
    whole = float(right.norm())
    solution, residual, size = torch.zeros_like(right), right, whole
    for _ in range(_CYCLES):
        if not tolerance * whole < size < np.inf:
            break
        solution = solution + _cycle(product, residual, size, tolerance * whole)
        residual = right - product(solution)
        before, size = size, float(residual.norm())
        if size > 0.9 * before:  # stagnation: further cycles repeat this one
            break
    return solution, size / whole if whole else 0.0


def _cycle(product: Callable[[Tensor], Tensor], residual: Tensor, size: float, goal: float) -> Tensor:
    """Return the correction that makes the residual smallest over the Krylov space of up to ``_RESTART`` vectors."""
    most = min(_RESTART, residual.numel())
    basis = residual.new_zeros(most + 1, residual.numel())
    basis[0] = residual / size
    hessenberg = np.zeros((most + 1, most))
    first = np.zeros(most + 1)
    first[0] = size
    weights: Array = np.zeros(0)
    for k in range(most):
        vector = product(basis[k])
        known = basis[: k + 1]
        once = known @ vector
        vector = vector - once @ known
        twice = known @ vector
        vector = vector - twice @ known
        column = torch.cat([once + twice, vector.norm()[None]])
        hessenberg[: k + 2, k] = column.tolist()
        if not np.isfinite(hessenberg[: k + 2, k]).all():
            break
        fitted = np.linalg.lstsq(hessenberg[: k + 2, : k + 1], first[: k + 2], rcond=None)[0]
        weights = np.asarray(fitted, dtype=np.float64)
        left = np.linalg.norm(first[: k + 2] - hessenberg[: k + 2, : k + 1] @ weights)
        if left <= goal or hessenberg[k + 1, k] <= np.finfo(np.float64).tiny:
            break
        basis[k + 1] = vector / hessenberg[k + 1, k]
    return torch.as_tensor(weights, dtype=residual.dtype, device=residual.device) @ basis[: len(weights)]
