"""Equivalence of two paired samples by two one-sided tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reference.statistics.intervals import Interval, paired_difference

LEVEL = 0.05
"""Level of each one-sided test."""


@dataclass(frozen=True)
class Equivalence:
    """The paired difference with the interval that the two tests use, and whether both reject."""

    difference: Interval
    margin: float
    shown: bool


def paired_equivalence(
    samples: Sequence[float], baseline: Sequence[float], margin: float, level: float = LEVEL
) -> Equivalence:
    """Test whether the mean paired difference is smaller than a margin on either side.

    The two one-sided tests (Schuirmann 1987, J. Pharmacokinet. Biopharm. 15) reject "the difference is at least the
    margin" at ``level`` exactly when the ``1 - 2 level`` interval of the difference lies within the margin, so the
    interval is all that has to be computed. A single pair has no spread and never shows equivalence.

    Args:
        samples: One value for each seed, shape ``[n]``.
        baseline: The other side's values for the same seeds, shape ``[n]``.
        margin: The largest difference that does not matter, in the samples' unit.
        level: Level of each one-sided test.

    Raises:
        ValueError: When the margin is not positive or the lengths differ.
    """
    if margin <= 0:
        raise ValueError(f"an equivalence margin is positive, not {margin}")
    difference = paired_difference(samples, baseline, confidence=1 - 2 * level)
    return Equivalence(difference, margin, shown=difference.n > 1 and difference.inside(-margin, margin))
