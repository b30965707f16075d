"""Numbers to the few digits that a picture shows, so that records of thousands of them stay small."""

from __future__ import annotations


def significant(value: float, digits: int) -> float:
    """Return the number of so many significant decimal digits that is nearest to a value."""
    return float(f"{value:.{digits}g}")
