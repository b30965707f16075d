"""Butcher tableaus: Runge-Kutta methods as data that checks itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from suite.solvers.errors import InconsistentTableauError
from suite.solvers.order_conditions import Array, satisfied_order

Number = int | float | Fraction


@dataclass(frozen=True, eq=False)
class ButcherTableau:
    """An explicit Runge-Kutta method, with an embedded one for the error where it is adaptive.

    A tableau that contradicts itself, or misses the order it declares, cannot be made. Everything else (stages, nodes,
    whether the first stage of a step is the last of the one before) is derived.

    Args:
        a: Lower-triangular coefficients, row by row: row ``i`` (from 1) has ``i`` entries.
        b: Weights of the solution, one per stage.
        order: Order of the solution, checked against the order conditions.
        b_embedded: Weights of the embedded solution, one per stage, or None.
        embedded_order: Order of the embedded solution, checked likewise.
        source: Where the coefficients were published.

    Raises:
        InconsistentTableauError: When lengths disagree, or an order condition fails.
    """

    a: tuple[tuple[Number, ...], ...]
    b: tuple[Number, ...]
    order: int
    source: str
    b_embedded: tuple[Number, ...] | None = None
    embedded_order: int | None = None

    def __post_init__(self) -> None:
        if [len(row) for row in self.a] != list(range(1, self.stages)):
            raise InconsistentTableauError(
                f"an explicit tableau of {self.stages} stages has rows of 1 to {self.stages - 1} coefficients, "
                f"not {[len(row) for row in self.a]}"
            )
        check_order("the solution", self.coefficients, self.weights, self.order)
        if (self.b_embedded is None) != (self.embedded_order is None):
            raise InconsistentTableauError("an embedded solution needs both its weights and its order")
        if self.b_embedded is not None and self.embedded_order is not None:
            if len(self.b_embedded) != self.stages:
                raise InconsistentTableauError(
                    f"the embedded solution has {len(self.b_embedded)} weights for {self.stages} stages"
                )
            check_order("the embedded solution", self.coefficients, _array(self.b_embedded), self.embedded_order)

    @property
    def stages(self) -> int:
        """Number of stages."""
        return len(self.b)

    @cached_property
    def coefficients(self) -> Array:
        """The matrix a, shape ``[stages, stages]``, strictly lower triangular."""
        matrix = np.zeros((self.stages, self.stages))
        for i, row in enumerate(self.a, start=1):
            matrix[i, :i] = _array(row)
        return matrix

    @cached_property
    def weights(self) -> Array:
        """The weights b, shape ``[stages]``."""
        return _array(self.b)

    @cached_property
    def nodes(self) -> Array:
        """The nodes c, shape ``[stages]``: the row sums of a."""
        return _exact_row_sums(self.a)

    @cached_property
    def error_weights(self) -> Array | None:
        """Weights of the local error estimate, b minus the embedded b, shape ``[stages]``; None when not adaptive."""
        if self.b_embedded is None:
            return None
        return np.array([float(Fraction(b) - Fraction(e)) for b, e in zip(self.b, self.b_embedded, strict=True)])

    @cached_property
    def first_same_as_last(self) -> bool:
        """Whether the last stage is the field at the solution: the next step then has its first stage already."""
        return self.stages > 1 and self.b[-1] == 0 and tuple(self.a[-1]) == tuple(self.b[:-1])

    @cached_property
    def without_last_stage(self) -> ButcherTableau:
        """The tableau without the stage that is the field at the end of its step; others as they are."""
        if not self.first_same_as_last:
            return self
        return ButcherTableau(a=self.a[:-1], b=self.a[-1], order=self.order, source=self.source)


def check_order(which: str, a: Array, weights: Array, declared: int) -> None:
    """Check that a solution satisfies the order conditions of the order it declares, and of no higher one.

    Args:
        which: Which solution, for the message.
        a: Coefficients, shape ``[stages, stages]``.
        weights: Weights of the solution, shape ``[stages]``.
        declared: The order it declares.

    Raises:
        InconsistentTableauError: When it has another order.
    """
    found = satisfied_order(a, weights, highest=declared + 1)
    if found != declared:
        at_least = "at least " if found > declared else ""
        raise InconsistentTableauError(f"{which} declares order {declared}, its coefficients have {at_least}{found}")


def _array(values: Sequence[Number]) -> Array:
    return np.array([float(value) for value in values])


def _exact_row_sums(rows: Sequence[Sequence[Number]]) -> Array:
    """Sum rows as fractions, so that a node of 1 is exactly 1."""
    return np.array([0.0, *(float(sum((Fraction(value) for value in row), Fraction(0))) for row in rows)])
