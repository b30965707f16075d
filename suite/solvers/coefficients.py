"""A tableau's coefficients as a step uses them: tensors of one dtype on one device, and Python numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch
from torch import Tensor

from suite.solvers.dense_output import continuous_extension
from suite.solvers.stage_sum import Terms, terms_of
from suite.solvers.tableau import ButcherTableau

_NO_TERM = 1e-12  # polynomials that vanish are found to rounding
_KEPT = 256  # far more than there are methods, dtypes and devices in one process, and a bound all the same


@dataclass(frozen=True, eq=False)
class BoundExtension:
    """A continuous extension bound to a dtype and a device; see ``dense_output.ContinuousExtension``.

    Attributes:
        polynomials: Shape ``[stages, degree]``: the method's own, the field at the end if none of these, added ones.
        powers: Powers of the polynomials, shape ``[degree]``.
        added_nodes: Where in the step the added stages lie.
        added_terms: The state of each as terms of a sum.
    """

    polynomials: Tensor
    powers: Tensor
    added_nodes: tuple[float, ...]
    added_terms: tuple[Terms, ...]


@dataclass(frozen=True, eq=False)
class Coefficients:
    """A tableau bound to a dtype and a device.

    Attributes:
        nodes: Nodes c, shape ``[stages]``, in the real dtype.
        rows: Row ``i`` of a, shape ``[i]``.
        weights: Weights b, shape ``[stages]``.
        error: Weights of the local error, shape ``[stages]``, or None.
        row_terms: The rows as terms of a sum.
        weight_terms: The weights likewise.
        error_terms: The weights of the local error likewise; none without an embedded solution.
        node_numbers: The nodes as numbers.
        first_same_as_last: Whether the last stage is the field at the end of the step.
        tableau: Where all of this is from.
    """

    nodes: Tensor
    rows: tuple[Tensor, ...]
    weights: Tensor
    error: Tensor | None
    row_terms: tuple[Terms, ...]
    weight_terms: Terms
    error_terms: Terms
    node_numbers: tuple[float, ...]
    first_same_as_last: bool
    tableau: ButcherTableau

    @cached_property
    def terms(self) -> int:
        """Number of terms of all sums over stages."""
        return sum(map(len, (*self.row_terms, self.weight_terms, self.error_terms)))

    @cached_property
    def at_once(self) -> bool:
        """Whether a step without an error takes fewer operations where each stage is added to all states at once."""
        last = bool(self.weight_terms) and self.weight_terms[-1][0] == self.tableau.stages - 1
        plain = self.error is None and not self.first_same_as_last
        return plain and last and 2 * self.tableau.stages < self.terms

    @cached_property
    def idle(self) -> frozenset[int]:
        """Stages that only lead to other stages: no term of the solution, at the end or inside the step, or its error.

        What is integrated along without being read need not be evaluated there.
        """
        error = np.zeros(self.tableau.stages) if self.tableau.error_weights is None else self.tableau.error_weights
        idle = np.flatnonzero((self.tableau.weights == 0) & (error == 0))
        if len(idle) == 0:
            return frozenset()
        polynomials = continuous_extension(self.tableau).polynomials
        return frozenset(stage for stage in idle.tolist() if np.abs(polynomials[stage]).max() < _NO_TERM)

    @cached_property
    def inside(self) -> BoundExtension:
        """The continuous extension; derived when a state inside a step is first asked for."""
        extension = continuous_extension(self.tableau)
        dtype, device = self.weights.dtype, self.weights.device
        with torch.inference_mode(False):
            return BoundExtension(
                polynomials=torch.as_tensor(extension.polynomials, dtype=dtype, device=device),
                powers=torch.arange(1, extension.degree + 1, dtype=dtype.to_real(), device=device),
                added_nodes=extension.added_nodes,
                added_terms=tuple(terms_of(row.tolist()) for row in extension.added_rows),
            )


@lru_cache(maxsize=_KEPT)
def bind(tableau: ButcherTableau, dtype: torch.dtype, device: torch.device) -> Coefficients:
    """Return the coefficients of a tableau for states of a dtype on a device."""
    # Made outside any inference mode that happens to be on, since they are kept for solves that train.
    with torch.inference_mode(False):
        matrix = torch.as_tensor(tableau.coefficients, dtype=dtype, device=device)
        error = tableau.error_weights
        return Coefficients(
            nodes=torch.as_tensor(tableau.nodes, dtype=dtype.to_real(), device=device),
            rows=tuple(matrix[i, :i].clone() for i in range(tableau.stages)),
            weights=torch.as_tensor(tableau.weights, dtype=dtype, device=device),
            error=None if error is None else torch.as_tensor(error, dtype=dtype, device=device),
            row_terms=tuple(terms_of(tableau.coefficients[i, :i].tolist()) for i in range(tableau.stages)),
            weight_terms=terms_of(tableau.weights.tolist()),
            error_terms=() if error is None else terms_of(error.tolist()),
            node_numbers=tuple(tableau.nodes.tolist()),
            first_same_as_last=tableau.first_same_as_last,
            tableau=tableau,
        )
