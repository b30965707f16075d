"""Continuous extensions of Runge-Kutta methods, derived from their tableau.

A continuous extension gives the solution inside a step, ``y(t + theta h) = y + h sum_i b_i(theta) k_i``, from the
stages that the step has computed anyway and the field at its end. Its polynomials ``b_i`` solve the continuous order
conditions ``sum_i b_i(theta) phi_i(tree) = theta^|tree| / gamma(tree)`` (Hairer, Norsett and Wanner I, section II.6)
together with the conditions that value and slope join at both ends; of all solutions the one with the
smallest leading error terms is taken.

Where a method's own stages give an order more than one below its own, stages are added: the field at states that a
lower extension gives (Hairer, Norsett and Wanner I, section II.6, "bootstrapping"). Each added stage costs an
evaluation, in those steps only inside which a state is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from suite.solvers.errors import InconsistentTableauError
from suite.solvers.order_conditions import Array, density, elementary_weights, symmetry, trees
from suite.solvers.tableau import ButcherTableau

_RESIDUAL = 1e-9
_NEGLIGIBLE = 1e-3  # directions that lower the error terms by less are left out: they would have huge coefficients
_MOST_ADDED = 6
_CUBIC = 3  # the lowest degree at which value and slope can join at both ends


@dataclass(frozen=True, eq=False)
class ContinuousExtension:
    """Polynomials of the weights inside a step.

    Attributes:
        polynomials: Coefficients, shape ``[stages, degree]``; column ``j`` belongs to ``theta ** (j + 1)``. After the
            method's own stages come the field at the end of the step, where it is none of these, and the added stages.
        order: Uniform order: the error inside a step is of order ``h ** (order + 1)``.
        added_nodes: Where in the step the added stages lie.
        added_rows: Weights of the state of each added stage, one for every stage before it.
    """

    polynomials: Array
    order: int
    added_nodes: tuple[float, ...] = ()
    added_rows: tuple[Array, ...] = ()

    @property
    def degree(self) -> int:
        """Degree of the polynomials."""
        return int(self.polynomials.shape[1])


@cache
def continuous_extension(tableau: ButcherTableau) -> ContinuousExtension:
    """Derive the continuous extension: of the highest order that the stages allow, and at least one below the method's.

    Raises:
        InconsistentTableauError: When the tableau has none.
    """
    a, b = _with_final_stage(tableau)
    own = len(b)
    extension = next(filter(None, (_extension(a, b, order, own) for order in range(tableau.order, 0, -1))), None)
    if extension is None:
        raise InconsistentTableauError("the tableau has no continuous extension")
    while extension.order < tableau.order - 1:
        a, b, extension = _raised(a, b, extension, own)
    return extension


def _raised(a: Array, b: Array, extension: ContinuousExtension, own: int) -> tuple[Array, Array, ContinuousExtension]:
    """Return the extension of the next order, by as few added stages as it takes, equally spaced in the step."""
    for count in range(1, _MOST_ADDED + 1):
        nodes = tuple(index / (count + 1) for index in range(1, count + 1))
        powers = np.arange(1, extension.degree + 1)
        rows = tuple(extension.polynomials @ node**powers for node in nodes)
        wider = np.zeros((len(b) + count, len(b) + count))
        wider[: len(b), : len(b)] = a
        for index, row in enumerate(rows):
            wider[len(b) + index, : len(row)] = row
        weights = np.concatenate([b, np.zeros(count)])
        found = _extension(wider, weights, extension.order + 1, own)
        if found is not None:
            return (
                wider,
                weights,
                replace(found, added_nodes=extension.added_nodes + nodes, added_rows=extension.added_rows + rows),
            )
    raise InconsistentTableauError(f"no {_MOST_ADDED} stages raise the order of the extension of the tableau")


def _extension(a: Array, b: Array, order: int, own: int) -> ContinuousExtension | None:
    """Return the extension of an order from given stages, of which the last own one is the field at the end."""
    degree = max(order, _CUBIC)
    equations, right_side = _conditions(a, b, order, degree, own)
    solution = np.linalg.lstsq(equations, right_side, rcond=None)[0]
    if np.abs(equations @ solution - right_side).max() > _RESIDUAL:
        return None
    error, exact = _leading_error(a, order + 1, degree)
    _, singular, basis = np.linalg.svd(equations, full_matrices=len(equations) < equations.shape[1])
    free = basis[int((singular > _RESIDUAL * singular[0]).sum()) :].T
    solution += free @ np.linalg.lstsq(error @ free, exact - error @ solution, rcond=_NEGLIGIBLE)[0]
    return ContinuousExtension(np.asarray(solution.reshape(len(b), degree), dtype=np.float64), order)


def _with_final_stage(tableau: ButcherTableau) -> tuple[Array, Array]:
    """Return a and b with the field at the end of the step as last stage."""
    if tableau.first_same_as_last:
        return tableau.coefficients, tableau.weights
    stages = tableau.stages
    a = np.zeros((stages + 1, stages + 1))
    a[:stages, :stages] = tableau.coefficients
    a[stages, :stages] = tableau.weights
    return a, np.append(tableau.weights, 0.0)


def _conditions(a: Array, b: Array, order: int, degree: int, own: int) -> tuple[Array, Array]:
    """Return the linear equations for the polynomials, flattened stage by stage."""
    rows, values = zip(*_equations(a, b, order, degree, own), strict=True)
    return np.array([row.ravel() for row in rows]), np.array(values)


def _equations(a: Array, b: Array, order: int, degree: int, own: int) -> Iterator[tuple[Array, float]]:
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
        yield np.outer(here, powers), float(stage == own - 1)  # the slope at the end


def _leading_error(a: Array, vertices: int, degree: int) -> tuple[Array, Array]:
    """Return the linear equations that would make the error terms of the next order vanish all over the step."""
    rows, values = [], []
    terms = [(elementary_weights(a, tree), density(tree), symmetry(tree)) for tree in trees(vertices)]
    for theta in np.linspace(0, 1, 2 * degree + 1)[1:-1]:
        powers = theta ** np.arange(1, degree + 1)
        for weights, gamma, sigma in terms:
            rows.append(np.outer(weights, powers).ravel() / sigma)
            values.append(theta**vertices / gamma / sigma)
    return np.array(rows), np.array(values)
