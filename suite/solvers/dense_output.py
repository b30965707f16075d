"""Continuous extensions of Runge-Kutta methods, derived from their tableau.

A continuous extension gives the solution inside a step, ``y(t + theta h) = y + h sum_i b_i(theta) k_i``, from the
stages that the step has computed anyway and the field at its end. Its polynomials ``b_i`` solve the continuous order
conditions ``sum_i b_i(theta) phi_i(tree) = theta^|tree| / gamma(tree)`` (Hairer, Norsett and Wanner I, section II.6)
together with the conditions that value and slope join at both ends; of all solutions the one with the
smallest leading error terms is taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from suite.solvers.errors import InconsistentTableauError
from suite.solvers.order_conditions import Array, density, elementary_weights, symmetry, trees
from suite.solvers.tableau import ButcherTableau

_RESIDUAL = 1e-9
_NEGLIGIBLE = 1e-3  # directions that lower the error terms by less are left out: they would have huge coefficients
_CUBIC = 3  # the lowest degree at which value and slope can join at both ends


@dataclass(frozen=True, eq=False)
class ContinuousExtension:
    """Polynomials of the weights inside a step.

    Attributes:
        polynomials: Coefficients, shape ``[stages, degree]``; column ``j`` belongs to ``theta ** (j + 1)``. The last
            stage is the field at the end of the step.
        order: Uniform order: the error inside a step is of order ``h ** (order + 1)``.
    """

    polynomials: Array
    order: int

    @property
    def degree(self) -> int:
        """Degree of the polynomials."""
        return int(self.polynomials.shape[1])


@cache
def continuous_extension(tableau: ButcherTableau) -> ContinuousExtension:
    """Derive the continuous extension of the highest order that the stages of a tableau allow."""
    a, b = _with_final_stage(tableau)
    for order in range(tableau.order, 0, -1):
        degree = max(order, _CUBIC)
        equations, right_side = _conditions(a, b, order, degree)
        solution = np.linalg.lstsq(equations, right_side, rcond=None)[0]
        if np.abs(equations @ solution - right_side).max() < _RESIDUAL:
            error, exact = _leading_error(a, order + 1, degree)
            _, singular, basis = np.linalg.svd(equations)
            free = basis[int((singular > _RESIDUAL * singular[0]).sum()) :].T
            solution += free @ np.linalg.lstsq(error @ free, exact - error @ solution, rcond=_NEGLIGIBLE)[0]
            return ContinuousExtension(np.asarray(solution.reshape(len(b), degree), dtype=np.float64), order)
    raise InconsistentTableauError("the tableau has no continuous extension")


def _with_final_stage(tableau: ButcherTableau) -> tuple[Array, Array]:
    """Return a and b with the field at the end of the step as last stage."""
    if tableau.first_same_as_last:
        return tableau.coefficients, tableau.weights
    stages = tableau.stages
    a = np.zeros((stages + 1, stages + 1))
    a[:stages, :stages] = tableau.coefficients
    a[stages, :stages] = tableau.weights
    return a, np.append(tableau.weights, 0.0)


def _conditions(a: Array, b: Array, order: int, degree: int) -> tuple[Array, Array]:
    """Return the linear equations for the polynomials, flattened stage by stage."""
    rows, values = zip(*_equations(a, b, order, degree), strict=True)
    return np.array([row.ravel() for row in rows]), np.array(values)


def _equations(a: Array, b: Array, order: int, degree: int) -> Iterator[tuple[Array, float]]:
    stages = len(b)
    powers = np.arange(1, degree + 1)
    for vertices in range(1, order + 1):
        for tree in trees(vertices):
            phi = elementary_weights(a, tree)
            for power in powers:
                yield np.outer(phi, powers == power), float(power == vertices) / density(tree)
    for stage in range(stages):
        here = np.arange(stages) == stage
        yield np.outer(here, np.ones(degree)), b[stage]  # the value at the end
        yield np.outer(here, powers == 1), float(stage == 0)  # the slope at the start
        yield np.outer(here, powers), float(stage == stages - 1)  # the slope at the end


def _leading_error(a: Array, vertices: int, degree: int) -> tuple[Array, Array]:
    """Return the linear equations that would make the error terms of the next order vanish all over the step."""
    rows, values = [], []
    for theta in np.linspace(0, 1, 2 * degree + 1)[1:-1]:
        powers = theta ** np.arange(1, degree + 1)
        for tree in trees(vertices):
            rows.append(np.outer(elementary_weights(a, tree), powers).ravel() / symmetry(tree))
            values.append(theta**vertices / density(tree) / symmetry(tree))
    return np.array(rows), np.array(values)
