"""The linear systems of the stage equations: ``1 - h (a x 1) diag(J_1, ..., J_s)``, J_i the field's Jacobian."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from suite.solvers.implicit.gmres import gmres
from suite.solvers.solution import Statistics

RealField = Callable[[Tensor, Tensor], Tensor]
"""The vector field on a vector of real numbers: a time and ``[n]`` to ``[n]``."""


class Linearisation(Protocol):
    """The field and its Jacobian at one state.

    Attributes:
        value: The field, shape ``[n]``.
    """

    value: Tensor

    def times(self, vector: Tensor, *, transposed: bool) -> Tensor:
        """Return ``J vector``, or the transposed Jacobian's product, shape ``[n]``."""
        ...


class StageSystem(Protocol):
    """The linear system of one block of stages."""

    def solve(self, right: Tensor, *, transposed: bool = False) -> Tensor:
        """Solve it, or its transpose, for a right side of shape ``[stages, n]``; not finite where that failed."""
        ...


def evaluate(field: RealField, clock: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """Return a state that autograd follows, and the field there, whatever mode the caller is in."""
    with torch.inference_mode(False), torch.enable_grad():
        # Copies: what is made in inference mode may not be kept for a backward pass.
        here = state.detach().clone().requires_grad_()
        return here, field(clock.detach().clone(), here)


class DenseLinearisation:
    """The field at a state and its whole Jacobian, shape ``[n, n]``: one backward pass batched over n cotangents."""

    def __init__(self, field: RealField, clock: Tensor, state: Tensor) -> None:
        here, value = evaluate(field, clock, state)
        self.value = value.detach()
        self.jacobian = torch.zeros(len(state), len(state), dtype=state.dtype, device=state.device)
        if value.requires_grad and len(state):
            basis = torch.eye(len(state), dtype=state.dtype, device=state.device)
            (rows,) = torch.autograd.grad(value, here, basis, is_grads_batched=True, allow_unused=True)
            if rows is not None:
                self.jacobian = rows

    def times(self, vector: Tensor, *, transposed: bool) -> Tensor:
        """Return ``J vector``, or the transposed Jacobian's product."""
        return (self.jacobian.t() if transposed else self.jacobian) @ vector


class ProductLinearisation:
    """The field at a state and products with its Jacobian, which is never formed.

    ``J^T u`` is a backward pass; as it is linear in u, ``J v`` is the backward pass of that one.
    """

    def __init__(self, field: RealField, clock: Tensor, state: Tensor) -> None:
        self._here, value = evaluate(field, clock, state)
        self.value = value.detach()
        self._graph: Tensor | None = value if value.requires_grad else None
        self._pullback: Tensor | None = None
        with torch.inference_mode(False), torch.enable_grad():
            self._cotangent = torch.zeros_like(value).requires_grad_()
            if self._graph is not None:
                (pullback,) = torch.autograd.grad(
                    self._graph, self._here, self._cotangent, create_graph=True, allow_unused=True
                )
                self._pullback = pullback if pullback is not None and pullback.requires_grad else None

    def times(self, vector: Tensor, *, transposed: bool) -> Tensor:
        """Return ``J vector``, or the transposed Jacobian's product; zero where the field does not depend on y."""
        if self._graph is None or self._pullback is None:
            return torch.zeros_like(vector)
        output, inside = (self._graph, self._here) if transposed else (self._pullback, self._cotangent)
        (product,) = torch.autograd.grad(output, inside, vector, retain_graph=True, allow_unused=True)
        return torch.zeros_like(vector) if product is None else product


class DenseSystem:
    """The system as a matrix, factorised once.

    Args:
        scaled: Coefficients of the block times the step size, shape ``[stages, stages]``.
        linearisations: One for each stage.
    """

    def __init__(self, scaled: Tensor, linearisations: Sequence[DenseLinearisation]) -> None:
        jacobians = torch.stack([at.jacobian for at in linearisations])
        stages, n = jacobians.shape[:2]
        matrix = -torch.einsum("ij,jkl->ikjl", scaled, jacobians).reshape(stages * n, stages * n)
        matrix.diagonal().add_(1)
        # The variant that does not check: a singular matrix gives a solution that is not finite, which callers look at.
        self._factors, self._pivots, _ = torch.linalg.lu_factor_ex(matrix)

    def solve(self, right: Tensor, *, transposed: bool = False) -> Tensor:
        """Solve the system, or its transpose, for a right side of shape ``[stages, n]``."""
        column = right.reshape(-1, 1)
        solution: Tensor = torch.linalg.lu_solve(self._factors, self._pivots, column, adjoint=transposed)
        return solution.view(right.shape)


class KrylovSystem:
    """The system by products alone, solved by GMRES: for states whose Jacobian is too large to form and factorise.

    Newton-Krylov methods: Brown and Saad (1990), SIAM Journal on Scientific and Statistical Computing 11, 450-481. Of
    the matrix-free methods this one is the most robust without a preconditioner, and the transposed system, which
    gradients need, is solved by the same iteration.

    Args:
        scaled: Coefficients of the block times the step size, shape ``[stages, stages]``.
        linearisations: One for each stage.
        statistics: Counts host synchronisations of the forward pass.
    """

    def __init__(self, scaled: Tensor, linearisations: Sequence[Linearisation], statistics: Statistics) -> None:
        self._scaled = scaled
        self._statistics = statistics
        self._linearisations = linearisations
        # Far below what Newton's method needs, since derivatives are as accurate as these solutions.
        self._tolerance = torch.finfo(scaled.dtype).eps ** 0.75

    def solve(self, right: Tensor, *, transposed: bool = False) -> Tensor:
        """Solve the system, or its transpose, likewise; not a number where GMRES stops far from a solution."""
        syncs = 0 if transposed else 1

        def product(flat: Tensor) -> Tensor:
            self._statistics.host_syncs += syncs  # GMRES reads one norm or one column for each product
            stages = flat.view(right.shape)
            if transposed:
                moved = self._each(self._scaled.t() @ stages, transposed=True)
            else:
                moved = self._scaled @ self._each(stages, transposed=False)
            return (stages - moved).view(-1)

        solution, residual = gmres(product, right.reshape(-1), self._tolerance)
        self._statistics.host_syncs += syncs  # and the norm of the right side
        # Half the digits make a useful direction for Newton's method still; less is a failure.
        enough = residual <= self._tolerance**0.5
        return (solution if enough else torch.full_like(solution, torch.nan)).view(right.shape)

    def _each(self, vectors: Tensor, *, transposed: bool) -> Tensor:
        pairs = zip(self._linearisations, vectors, strict=True)
        return torch.stack([at.times(vector, transposed=transposed) for at, vector in pairs])


class Solve(torch.autograd.Function):
    """The solution of a stage system as a function of its right side, to any derivative."""

    @staticmethod
    def forward(ctx: Any, system: StageSystem, right: Tensor, transposed: bool) -> Tensor:
        """Solve."""
        ctx.system, ctx.transposed = system, transposed
        return system.solve(right, transposed=transposed)

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> tuple[None, Tensor, None]:
        """Solve with the transpose, differentiably again."""
        return None, Solve.apply(ctx.system, cotangent, not ctx.transposed), None
