"""Butcher tableaus of implicit Runge-Kutta methods, which check themselves like the explicit ones."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from suite.solvers.errors import InconsistentTableauError
from suite.solvers.order_conditions import Array
from suite.solvers.tableau import Number, check_order


@dataclass(frozen=True, eq=False)
class ImplicitTableau:
    """An implicit Runge-Kutta method of fixed step.

    A tableau that contradicts itself, or misses the order it declares, cannot be made. Everything else (nodes, which
    stages are solved for together, stiff accuracy, the stability function) is derived.

    Args:
        a: Coefficients, row by row, a square of them.
        b: Weights of the solution, one per stage.
        order: Order of the solution, checked against the order conditions.
        source: Where the coefficients were published.

    Raises:
        InconsistentTableauError: When lengths disagree, an order condition fails, no stage is implicit, or the stages
            cannot be solved for.
    """

    a: tuple[tuple[Number, ...], ...]
    b: tuple[Number, ...]
    order: int
    source: str

    def __post_init__(self) -> None:
        lengths = [len(row) for row in self.a]
        if lengths != [self.stages] * self.stages:
            raise InconsistentTableauError(
                f"an implicit tableau of {self.stages} stages has as many rows of as many coefficients, not {lengths}"
            )
        check_order("the solution", self.coefficients, self.weights, self.order)
        if all(self.is_explicit(block) for block in self.blocks):
            raise InconsistentTableauError("no stage of this tableau is implicit; make it a ButcherTableau")
        for block in self.blocks:
            if not self.is_explicit(block) and abs(np.linalg.det(self.coefficients[block, block])) < 1e-12:
                raise InconsistentTableauError(
                    f"stages {block.start + 1} to {block.stop} depend on each other by a singular matrix"
                )

    @property
    def stages(self) -> int:
        """Number of stages."""
        return len(self.b)

    @cached_property
    def coefficients(self) -> Array:
        """The matrix a, shape ``[stages, stages]``."""
        return np.array([[float(value) for value in row] for row in self.a])

    @cached_property
    def weights(self) -> Array:
        """The weights b, shape ``[stages]``."""
        return np.array([float(value) for value in self.b])

    @cached_property
    def nodes(self) -> Array:
        """The nodes c, shape ``[stages]``: the row sums of a; exactly 1 for the last of a stiffly accurate method."""
        nodes = np.array([float(sum((Fraction(value) for value in row), Fraction(0))) for row in self.a])
        if self.stiffly_accurate:
            nodes[-1] = 1.0  # irrational coefficients are rounded, and their sum may miss 1
        return nodes

    @cached_property
    def blocks(self) -> tuple[slice, ...]:
        """The finest groups of consecutive stages that depend on themselves and on the groups before them alone."""
        found, start = [], 0
        while start < self.stages:
            stop = start + 1
            while (self.coefficients[start:stop, stop:] != 0).any():
                stop += 1
            found.append(slice(start, stop))
            start = stop
        return tuple(found)

    def is_explicit(self, block: slice) -> bool:
        """Say whether the stages of a block depend on the blocks before alone."""
        return not self.coefficients[block, block].any()

    @property
    def diagonally_implicit(self) -> bool:
        """Whether stages can be solved for one after the other."""
        return len(self.blocks) == self.stages

    @cached_property
    def stiffly_accurate(self) -> bool:
        """Whether the last stage is the solution (Prothero and Robinson 1974; Hairer and Wanner II, section IV.3)."""
        return tuple(self.a[-1]) == tuple(self.b)

    def stability(self, z: complex) -> complex:
        """Return R(z) = 1 + z b (1 - z a)^-1 (1, ..., 1): the factor by which a step multiplies y where ``h f = z y``.

        Hairer and Wanner, *Solving Ordinary Differential Equations II*, equation (IV.3.2).
        """
        inverse = np.linalg.solve(np.eye(self.stages) - z * self.coefficients, np.ones(self.stages))
        return complex(1 + z * (self.weights @ inverse))
