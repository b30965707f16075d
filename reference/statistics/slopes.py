"""Straight lines through measurements, on linear and on logarithmic scales."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from reference.statistics.intervals import CONFIDENCE, Interval

FEWEST_ABSCISSAE = 3
"""Two points always lie on a line; the third is the first that can contradict it."""

FloatVector = np.ndarray[tuple[int], np.dtype[np.float64]]


@dataclass(frozen=True)
class Line:
    """A fitted line ``y = intercept + slope x`` and the share of the variation about the groups' means it explains."""

    slope: Interval
    intercept: Interval
    r_squared: float


def fit_line(
    x: Sequence[float], y: Sequence[float], groups: Sequence[Hashable] | None = None, confidence: float = CONFIDENCE
) -> Line:
    """Fit one slope by least squares, with an intercept of its own for each group.

    Groups (seeds, problems, methods) may sit at different levels; what they share is the slope. It is estimated from
    the deviations from each group's means, with ``N - G - 1`` degrees of freedom for ``N`` points in ``G`` groups (the
    within estimator; Wooldridge, "Econometric Analysis of Cross Section and Panel Data", section 10.5). With one group
    this is ordinary least squares. The intercept given is the mean of the groups', weighted by their points.

    Args:
        x: Abscissae, shape ``[N]``.
        y: Ordinates, shape ``[N]``.
        groups: Label of each point's group, shape ``[N]``; one group when it is None.
        confidence: Coverage of the intervals.

    Raises:
        ValueError: When a value is not finite, there are fewer than three different abscissae, or there are too few
            points for the groups.
    """
    abscissae, ordinates = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if not (np.isfinite(abscissae).all() and np.isfinite(ordinates).all()):
        raise ValueError("a line needs finite values")
    if len(np.unique(abscissae)) < FEWEST_ABSCISSAE:
        raise ValueError(f"a line needs three different abscissae, not {len(np.unique(abscissae))}")
    labels = [0] * len(abscissae) if groups is None else list(groups)
    freedom = len(abscissae) - len(set(labels)) - 1
    if freedom < 1:
        raise ValueError(f"a line needs more points than {len(abscissae)} for {len(set(labels))} groups")
    dx, dy = _within(abscissae, labels), _within(ordinates, labels)
    sxx, syy = float(dx @ dx), float(dy @ dy)
    if sxx == 0.0:
        raise ValueError("a line needs different abscissae within a group")
    slope = float(dx @ dy) / sxx
    residual = dy - slope * dx
    variance = float(residual @ residual) / freedom
    quantile = float(stats.t.ppf((1 + confidence) / 2, freedom))
    mean_x, mean_y = float(np.mean(abscissae)), float(np.mean(ordinates))
    intercept = mean_y - slope * mean_x

    def interval(estimate: float, squared_error: float) -> Interval:
        half = quantile * math.sqrt(squared_error)
        return Interval(estimate, estimate - half, estimate + half, len(abscissae), confidence)

    return Line(
        slope=interval(slope, variance / sxx),
        intercept=interval(intercept, variance * (1 / len(abscissae) + mean_x**2 / sxx)),
        r_squared=1 - float(residual @ residual) / syy if syy > 0 else 0.0,
    )


def fit_power_law(
    x: Sequence[float], y: Sequence[float], groups: Sequence[Hashable] | None = None, confidence: float = CONFIDENCE
) -> Line:
    """Fit ``log10 y = intercept + slope log10 x``, so that the slope is the order at which ``y`` falls with ``x``.

    Raises:
        ValueError: As :func:`fit_line`, and when a value is not positive.
    """
    if min(x, default=0.0) <= 0 or min(y, default=0.0) <= 0:
        raise ValueError("a log-log slope needs positive values")
    return fit_line([math.log10(value) for value in x], [math.log10(value) for value in y], groups, confidence)


def _within(values: FloatVector, labels: Sequence[Any]) -> FloatVector:
    """Return the deviations of the values from the mean of their group."""
    sums: dict[Any, list[float]] = {}
    for label, value in zip(labels, values, strict=True):
        sums.setdefault(label, []).append(float(value))
    means = {label: float(np.mean(members)) for label, members in sums.items()}
    return np.asarray([value - means[label] for label, value in zip(labels, values, strict=True)], dtype=np.float64)
