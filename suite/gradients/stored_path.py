"""The path of a forward solve as one piecewise polynomial, for a backward pass that reads it."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor

from suite.solvers.runge_kutta import Step
from suite.solvers.solution import DenseStep
from suite.solvers.times import number


def path_coefficients(steps: Sequence[DenseStep]) -> Tensor:
    """Return the continuous extensions of explicit Runge-Kutta steps.

    Returns:
        Coefficients by step and power of the fraction of the step, shape ``[steps, degree + 1, n]``. They take fewer
        numbers than the stages they are made of.
    """
    rows = []
    for step in cast(Sequence[Step], steps):
        slopes = step.dense_slopes()
        weighted = number(step.size) * step.coefficients.inside.polynomials.t() @ slopes.reshape(len(slopes), -1)
        rows.append(torch.cat([step.y0.reshape(1, -1), weighted]))
    return torch.stack(rows)


class StoredPath:
    """The state at any time of a forward solve; the host does not wait for a time that lies on the device.

    Args:
        starts: Where every step starts.
        sizes: Its signed size.
        coefficients: From :func:`path_coefficients`.
    """

    def __init__(self, starts: array[float], sizes: array[float], coefficients: Tensor) -> None:
        dtype, device = coefficients.dtype.to_real(), coefficients.device
        self._direction = 1 if sizes[0] > 0 else -1
        self._coefficients = coefficients
        self._starts, self._sizes = (
            torch.tensor(starts, dtype=dtype, device=device),
            torch.tensor(sizes, dtype=dtype, device=device),
        )
        self._ahead = self._direction * self._starts[1:]
        self._powers = torch.arange(coefficients.shape[1], dtype=dtype, device=device)

    def __call__(self, t: Tensor) -> Tensor:
        """Return the flat state at a time, shape ``[n]``."""
        index = torch.searchsorted(self._ahead, self._direction * t)
        fraction = (t - self._starts[index]) / self._sizes[index]
        coefficients = self._coefficients[index]
        return torch.mv(coefficients.t(), torch.pow(fraction, self._powers).to(coefficients.dtype))
