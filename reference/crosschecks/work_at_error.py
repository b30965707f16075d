"""How many evaluations a curve of work against precision takes to reach an error."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reference.crosschecks.walling import ROUNDING

FEWEST_POINTS = 3


def work_at(targets: Sequence[float], curve: Sequence[tuple[float, int]]) -> dict[float, float]:
    """Return the evaluations at each target error that lies within the curve.

    A line is fitted to the logarithm of the evaluations against that of the error: a method of order p needs
    ``error ** (-1 / p)``. The fit evens out the accidents by which single errors are small.

    Args:
        targets: Errors.
        curve: Points ``(error, evaluations)``; errors that are rounding are left out.
    """
    points = [(error, nfe) for error, nfe in curve if error > ROUNDING]
    if len(points) < FEWEST_POINTS:
        return {}
    errors, evaluations = np.log(np.asarray(points, dtype=np.float64)).T
    slope, intercept = np.polyfit(errors, evaluations, 1)
    inside = [target for target in targets if errors.min() <= np.log(target) <= errors.max()]
    return {target: float(np.exp(intercept + slope * np.log(target))) for target in inside}
