"""Curves that all flatten at one error: then it is the reference that is wrong by that much."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

ROUNDING = 1e4 * float(np.finfo(np.float64).eps)
"""Errors below this may flatten at any level: it is what rounding leaves of a solve of thousands of steps."""


def flattened(errors: Sequence[float], factor: float = 2.0) -> bool:
    """Whether a curve has stopped to fall: its last error is not below that of the tolerance before by a factor.

    Args:
        errors: Errors at falling tolerances, ten or more apart.
        factor: By how much an error should fall at least.
    """
    return len(errors) >= 2 and errors[-1] * factor > errors[-2]


def walled(curves: Sequence[Sequence[float]], agreement: float = 1.1) -> bool:
    """Whether independent curves against one reference flatten at one error.

    Two solvers that converge to the true solution both end at the reference's own distance from it; where their own
    errors flatten, by rounding, they do so at levels of their own.

    Args:
        curves: One sequence of errors for each solver, at falling tolerances.
        agreement: How far apart the last errors of two flat curves may be, as a factor.
    """
    levels = sorted(curve[-1] for curve in curves if flattened(curve) and curve[-1] > ROUNDING)
    return any(high <= agreement * low for low, high in pairwise(levels))
