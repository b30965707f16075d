"""On every DETEST problem our errors, over the tolerance, are at most 3 times scipy's at the same tolerance.

The ratio is a geometric mean over the tolerances, because a single global error is a sum of local ones of either sign
and may be small by accident, theirs or ours. Where a solution comes to rest far below the tolerance, errors are nothing
but accidents: below a hundredth of the tolerance they count as that.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from reference.crosschecks.detest import DetestProblem, problems
from reference.libraries.prepared import prepare
from reference.libraries.scipy import Scipy
from reference.libraries.suite import Suite
from suite.declarations import Library

TOLERANCES = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)
ACCIDENT = 0.01
SCIPY = {"dopri5": "dopri5", "tsit5": "dopri5", "dopri8": "dopri8"}
"""RK45 for the pairs of order 5, DOP853 for that of order 8."""


def _end(library: Library, problem: DetestProblem, method: str, tolerance: float) -> Tensor:
    solve = prepare(library, problem.field, problem.y0, problem.times, method=method, rtol=tolerance, atol=tolerance)
    solve.run()
    return solve.states[-1]


def _ratio(problem: DetestProblem, method: str) -> float:
    exact = _end(Scipy(), problem, "dopri8", 2.5e-14)
    band = 1 + exact.abs()

    def error(library: Library, by: str, tolerance: float) -> float:
        found = ((_end(library, problem, by, tolerance) - exact).abs() / band).max() / tolerance
        return max(float(found), ACCIDENT)

    logs = [
        math.log(error(Suite(), method, tolerance) / error(Scipy(), SCIPY[method], tolerance))
        for tolerance in TOLERANCES
    ]
    return math.exp(sum(logs) / len(logs))


@pytest.mark.parametrize("problem", problems(), ids=lambda problem: str(problem.name))
@pytest.mark.parametrize("method", SCIPY)
def test_error_over_tolerance_is_at_most_3_times_scipys(problem: DetestProblem, method: str) -> None:
    with torch.no_grad():
        assert _ratio(problem, method) <= 3.0
