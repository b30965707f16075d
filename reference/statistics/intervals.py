"""Intervals for a mean: Student's t for few samples, the bootstrap for many, and the sampling error of a test set."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

FEW = 10
"""Below this many samples an interval is Student's t; from here on it is a bootstrap."""

RESAMPLES = 9999
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval, all in one unit.

    One sample gives an interval of no width: it says nothing about the spread, so a claim about a quantity that varies
    from run to run has to ask for several seeds.
    """

    estimate: float
    low: float
    high: float
    n: int
    confidence: float = CONFIDENCE

    @property
    def half_width(self) -> float:
        """Half the width of the interval."""
        return (self.high - self.low) / 2

    @property
    def is_single_value(self) -> bool:
        """Whether it is one sample of which nothing says how exact it is."""
        return self.n == 1 and self.low == self.high

    def inside(self, low: float, high: float) -> bool:
        """Say whether the whole interval lies within ``[low, high]``."""
        return low <= self.low and self.high <= high

    def overlaps(self, low: float, high: float) -> bool:
        """Say whether the interval and ``[low, high]`` have a point in common."""
        return self.low <= high and low <= self.high

    def scaled(self, factor: float) -> Interval:
        """Return the interval in another unit, ``factor`` > 0 of which make one of this."""
        return Interval(self.estimate * factor, self.low * factor, self.high * factor, self.n, self.confidence)


def mean_interval(samples: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Return the mean of independent samples with its interval.

    Below ten samples this is Student's t, ``m +- t(n - 1) s / sqrt(n)``; from ten on the bias-corrected and accelerated
    bootstrap (Efron 1987, "Better bootstrap confidence intervals", J. Am. Stat. Assoc. 82), with a fixed seed so that
    the same records always give the same verdict.

    Args:
        samples: One value for each seed, shape ``[n]``.
        confidence: Coverage of the interval.

    Raises:
        ValueError: When there is no sample, or one is not finite.
    """
    values = _finite(samples)
    n, mean = len(values), float(np.mean(values))
    if n == 1 or float(np.ptp(values)) == 0.0:
        return Interval(mean, mean, mean, n, confidence)
    if n < FEW:
        half = float(stats.t.ppf((1 + confidence) / 2, n - 1)) * float(np.std(values, ddof=1)) / math.sqrt(n)
        return Interval(mean, mean - half, mean + half, n, confidence)
    drawn = stats.bootstrap(
        (values,),
        np.mean,
        confidence_level=confidence,
        n_resamples=RESAMPLES,
        method="BCa",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return Interval(mean, float(drawn.low), float(drawn.high), n, confidence)


def error_rate_interval(rates: Sequence[float], test_size: int, confidence: float = CONFIDENCE) -> Interval:
    """Return the mean error rate over seeds with an interval that counts the test set as a sample as well.

    All seeds share one test set of ``N`` images, so its sampling error does not shrink with more seeds. On each side of
    the mean ``m`` the two distances are added in quadrature, ``d = sqrt(d_seeds^2 + d_binomial^2)``: ``d_seeds`` is
    that of :func:`mean_interval`, ``d_binomial`` that of Wilson's score interval for ``m N`` errors in ``N`` (Wilson
    1927, J. Am. Stat. Assoc. 22), which is near ``z sqrt(m (1 - m) / N)`` but sound when there are few errors or none.

    Args:
        rates: Error rate of each seed as a fraction, shape ``[n]``.
        test_size: Number of images in the test set.
        confidence: Coverage of the interval.

    Raises:
        ValueError: When a rate is not a fraction or the test set is empty.
    """
    seeds = mean_interval(rates, confidence)
    if min(rates) < 0 or max(rates) > 1 or test_size < 1:
        raise ValueError(f"error rates lie between 0 and 1 on at least one image, not {list(rates)} on {test_size}")
    mean = seeds.estimate
    low, high = wilson_interval(mean * test_size, test_size, confidence)
    return Interval(
        mean,
        mean - math.hypot(mean - seeds.low, mean - low),
        mean + math.hypot(seeds.high - mean, high - mean),
        seeds.n,
        confidence,
    )


def wilson_interval(count: float, total: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return Wilson's score interval for a fraction of ``count`` (a mean count need not be whole) in ``total``."""
    low, high = proportion_confint(count, total, alpha=1 - confidence, method="wilson")
    return float(low), float(high)


def paired_difference(samples: Sequence[float], baseline: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Return the mean of ``samples - baseline``, paired by seed, with its interval.

    Both sides see the same data and the same test set, whose sampling error therefore largely cancels and is not added:
    the statement is about this test set.

    Raises:
        ValueError: When the two sides have different lengths.
    """
    if len(samples) != len(baseline):
        raise ValueError(
            f"a paired difference needs as many samples on both sides, not {len(samples)} and {len(baseline)}"
        )
    return mean_interval([float(d) for d in _finite(samples) - _finite(baseline)], confidence)


def _finite(samples: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    values = np.asarray(samples, dtype=np.float64)
    if values.ndim != 1 or len(values) == 0:
        raise ValueError("an interval needs at least one sample")
    if not np.isfinite(values).all():
        raise ValueError("an interval needs finite samples")
    return values
