"""A tableau's coefficients as a step uses them: tensors of one dtype on one device, and Python numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from suite.solvers.dense_output import continuous_extension
from suite.solvers.stage_sum import Terms, terms_of
from suite.solvers.tableau import ButcherTableau

_KEPT = 256  # far more than there are methods, dtypes and devices in one process, and a bound all the same


@dataclass(frozen=True, eq=False)
class Coefficients:
    """A tableau bound to a dtype and a device.

    Attributes:
        nodes: Nodes c, shape ``[stages]``, in the real dtype.
        rows: Row ``i`` of a, shape ``[i]``.
        weights: Weights b, shape ``[stages]``.
        error: Weights of the local error, shape ``[stages]``, or None.
        polynomials: Polynomials of the continuous extension, shape ``[stages or stages + 1, degree]``.
        powers: Its powers, shape ``[degree]``.
        row_terms: The rows as terms of a sum.
        weight_terms: The weights likewise.
        node_numbers: The nodes as Python numbers, each once.
        node_of_stage: Which of these each stage has.
        first_same_as_last: Whether the last stage is the field at the end of the step.
    """

    nodes: Tensor
    rows: tuple[Tensor, ...]
    weights: Tensor
    error: Tensor | None
    polynomials: Tensor
    powers: Tensor
    row_terms: tuple[Terms, ...]
    weight_terms: Terms
    node_numbers: tuple[float, ...]
    node_of_stage: tuple[int, ...]
    first_same_as_last: bool


@lru_cache(maxsize=_KEPT)
def bind(tableau: ButcherTableau, dtype: torch.dtype, device: torch.device) -> Coefficients:
    """Return the coefficients of a tableau for states of a dtype on a device."""
    extension = continuous_extension(tableau)
    numbers = list(dict.fromkeys(tableau.nodes.tolist()))
    # Made outside any inference mode that happens to be on, since they are kept for solves that train.
    with torch.inference_mode(False):
        matrix = torch.as_tensor(tableau.coefficients, dtype=dtype, device=device)
        error = tableau.error_weights
        return Coefficients(
            nodes=torch.as_tensor(tableau.nodes, dtype=dtype.to_real(), device=device),
            rows=tuple(matrix[i, :i].clone() for i in range(tableau.stages)),
            weights=torch.as_tensor(tableau.weights, dtype=dtype, device=device),
            error=None if error is None else torch.as_tensor(error, dtype=dtype, device=device),
            polynomials=torch.as_tensor(extension.polynomials, dtype=dtype, device=device),
            powers=torch.arange(1, extension.degree + 1, dtype=dtype.to_real(), device=device),
            row_terms=tuple(terms_of(tableau.coefficients[i, :i].tolist()) for i in range(tableau.stages)),
            weight_terms=terms_of(tableau.weights.tolist()),
            node_numbers=tuple(numbers),
            node_of_stage=tuple(numbers.index(node) for node in tableau.nodes.tolist()),
            first_same_as_last=tableau.first_same_as_last,
        )
