"""A polynomial by its values at Chebyshev points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from suite.solvers.external.host_field import Array


@dataclass(frozen=True, eq=False)
class NodalPolynomial:
    """A polynomial given by its values at Chebyshev points, which end on the ends of an interval.

    Attributes:
        nodes: The points, shape ``[points]``.
        values: Values there, shape ``[points, state]``.
    """

    nodes: Array
    values: Array

    def __call__(self, t: float) -> Array:
        """Return the value at a time, by the barycentric formula (Berrut and Trefethen 2004, equation 5.4)."""
        distances = t - self.nodes
        if not distances.all():
            return np.asarray(self.values[np.argmin(np.abs(distances))])
        weights = (-1.0) ** np.arange(len(self.nodes)) / distances
        weights[[0, -1]] /= 2
        return np.asarray(weights @ self.values / weights.sum())
