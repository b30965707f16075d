"""Judging whether a metric grows at most as the logarithm of another."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from reference.statistics.intervals import CONFIDENCE, Interval
from reference.statistics.judgement import Judgement, Printed, from_interval, number, percent_words
from reference.statistics.registry import judging_function
from reference.statistics.samples import curve


@judging_function
def at_most_logarithmic(
    rows: pd.DataFrame,
    published: Sequence[Printed],
    *,
    metric: str,
    against: str,
    variant: str,
    margin: float = 0.25,
    cases: Sequence[str] = (),
) -> Judgement:
    """A quantity grows with another no faster than its logarithm.

    ``a + b log x + c x`` is fitted by least squares with an intercept for each seed and case; what counts is the growth
    that the linear term makes over the range of ``x``, relative to the range of the ordinate: near one for a straight
    line, two thirds for a square root from 1 to 1000, zero for a logarithm. Reproduced when its 95 % interval lies
    below ``margin``, partly when only the estimate does, otherwise not reproduced. A quantity that does not vary at all
    is reproduced.

    Args:
        rows: Rows of one set of records.
        published: Printed numbers shown beside it; not used.
        metric: The ordinate.
        against: The abscissa: an axis of the metric, or another metric; positive.
        variant: Whose.
        margin: The largest share of the growth that the linear term may have.
        cases: Axes of which each combination has its own intercept.

    Raises:
        ValueError: When there are too few points for the fit, or an abscissa is not positive.
    """
    del published
    points = curve(rows, metric, against, variant, cases)
    share = linear_share(points.x, points.y, points.cases)
    words = (
        f"beside a logarithm, {metric} of {variant} has a linear term in {against} that makes {percent_words(share)} "
        f"of its growth from {number(min(points.x))} to {number(max(points.x))}; the rule is less than "
        f"{number(100 * margin)} %"
    )
    slack = margin - share.estimate
    if share.high < margin:
        return from_interval("reproduced", words, share.scaled(100), "%", slack)
    if slack > 0:
        return from_interval("partly", f"{words}, which its interval exceeds", share.scaled(100), "%", slack)
    return from_interval("not reproduced", words, share.scaled(100), "%", slack)


def linear_share(x: Sequence[float], y: Sequence[float], groups: Sequence[Hashable]) -> Interval:
    """Return the share of the growth of ``y`` that is linear in ``x`` beside a logarithm, with its interval.

    Args:
        x: Abscissae, shape ``[N]``.
        y: Ordinates, shape ``[N]``.
        groups: Label of each point's group, each with an intercept of its own, shape ``[N]``.

    Raises:
        ValueError: As :func:`at_most_logarithmic`.
    """
    if min(x) <= 0:
        raise ValueError("a logarithm needs positive abscissae")
    labels = list(dict.fromkeys(groups))
    freedom = len(x) - len(labels) - 2
    if freedom < 1 or len(set(x)) < 4:
        raise ValueError(f"a logarithm and a line need more than {len(x)} points for {len(labels)} groups")
    abscissae, ordinates = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    span = float(np.ptp(ordinates))
    if span == 0.0:
        return Interval(0.0, 0.0, 0.0, len(x))
    intercepts = [[group == label for group in groups] for label in labels]
    design = np.column_stack([abscissae, np.log(abscissae), *np.asarray(intercepts, dtype=np.float64)])
    solution = np.linalg.lstsq(design, ordinates, rcond=None)[0]
    residual = ordinates - design @ solution
    variance = float(residual @ residual) / freedom * float(np.linalg.pinv(design.T @ design)[0, 0])
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * math.sqrt(variance)
    line = Interval(float(solution[0]), float(solution[0]) - half, float(solution[0]) + half, len(x))
    return line.scaled(float(np.ptp(abscissae)) / span)
