"""Weights of Adams methods on any grid: integrals of the polynomial through past slopes.

An Adams method replaces the field by the polynomial through its values at the last grid points and integrates that
(Hairer, Norsett and Wanner I, section III.1; for unequal steps section III.5). Times are counted from the start of the
step, in units of its size, so that the weights of equal steps are always the same.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache, lru_cache

import numpy as np
from torch import Tensor

from suite.solvers.stage_sum import Time, stage_sum, terms_of

_KEPT = 256  # grids whose steps grow evenly come back to the same weights; others would fill any memory


def relative_nodes(times: Sequence[Time], start: Time, size: Time) -> tuple[Time, ...]:
    """Return times counted from the start of a step in units of its size.

    Those that are whole numbers but for the rounding of the times are made so: then equal steps have equal weights.
    """
    if isinstance(size, Tensor) or isinstance(start, Tensor):
        # In double precision: differences of single-precision times are exact there.
        return tuple((_double(time) - _double(start)) / _double(size) for time in times)
    nodes, largest = [], max(abs(start), abs(start + size), *(abs(float(time)) for time in times))
    for time in times:
        node = (float(time) - start) / size
        # What the rounding of the times makes of a whole number: that of the size counts once for every unit.
        rounding = 2 * sys.float_info.epsilon * (1 + largest / abs(size)) * (1 + abs(node))
        nodes.append(float(round(node)) if abs(node - round(node)) <= rounding else node)
    return tuple(nodes)


def adams_weights(nodes: tuple[Time, ...], upper: Time = 1.0) -> Sequence[Time]:
    """Return the integral from 0 to ``upper`` of each Lagrange polynomial on the nodes.

    Args:
        nodes: Distinct times relative to the step; tensors where gradients with respect to times are wanted.
        upper: How far into the step, 1 for all of it.
    """
    if isinstance(upper, float) and all(isinstance(node, float) for node in nodes):
        return _known_weights(nodes, upper)
    return _weights(nodes, upper)


def weighted_sum(y: Tensor, slopes: Sequence[Tensor], weights: Sequence[Time], size: Time) -> Tensor:
    """Return ``y + size * sum_i weights[i] * slopes[i]``, differentiable in all of them."""
    numbers = [weight for weight in weights if not isinstance(weight, Tensor)]
    if len(numbers) == len(weights) and not isinstance(size, Tensor):
        terms = terms_of(numbers)
        return stage_sum(y, slopes, terms, size) if terms else y
    total = y
    for weight, slope in zip(weights, slopes, strict=True):
        factor = weight * size
        total = total + (factor.to(y.dtype) if isinstance(factor, Tensor) else factor) * slope
    return total


@lru_cache(maxsize=_KEPT)
def _known_weights(nodes: tuple[Time, ...], upper: float) -> Sequence[Time]:
    return tuple(_weights(nodes, upper))


def _weights(nodes: Sequence[Time], upper: Time) -> list[Time]:
    points, gauss = _gauss_legendre((len(nodes) + 1) // 2)
    weights: list[Time] = []
    for j, own in enumerate(nodes):
        # Gauss-Legendre quadrature is exact here, and the product form of the integrand loses no digits, as its
        # coefficients would.
        total: Time = 0.0
        for point, share in zip(points, gauss, strict=True):
            product: Time = share
            for i, other in enumerate(nodes):
                if i != j:
                    product = product * ((upper * point - other) / (own - other))
            total = total + product
        weights.append(upper * total)
    return weights


@cache
def _gauss_legendre(points: int) -> tuple[list[float], list[float]]:
    """Return nodes and weights on [0, 1], exact to degree ``2 * points - 1``."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    return ((nodes + 1) / 2).tolist(), (weights / 2).tolist()


def _double(time: Time) -> Time:
    return time.double() if isinstance(time, Tensor) else time
