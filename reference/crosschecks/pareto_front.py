"""Pareto fronts of cost and error: which points nothing else beats, and who beats the others."""

from __future__ import annotations

from collections.abc import Sequence

EQUAL = 1e-6
"""Costs and errors that differ by less, relatively, are equal: the same method of two libraries rounds differently."""


def on_front(costs: Sequence[float], errors: Sequence[float]) -> list[bool]:
    """Say of each point whether it is on the front: no other is as good in both ways and better in one.

    Args:
        costs: Positive, one for each point.
        errors: Likewise.
    """
    points = list(zip(costs, errors, strict=True))
    return [not any(_dominates(other, point) for other in points) for point in points]


def _dominates(one: tuple[float, float], other: tuple[float, float]) -> bool:
    as_good = all(mine <= its * (1 + EQUAL) for mine, its in zip(one, other, strict=True))
    better = any(mine < its * (1 - EQUAL) for mine, its in zip(one, other, strict=True))
    return as_good and better


def least_error(costs: Sequence[float], errors: Sequence[float], budget: float) -> float | None:
    """Return the smallest error that a cost of no more than the budget buys; None where nothing is that cheap."""
    return min((error for cost, error in zip(costs, errors, strict=True) if cost <= budget * (1 + EQUAL)), default=None)


def least_cost(costs: Sequence[float], errors: Sequence[float], error: float) -> float | None:
    """Return the smallest cost that buys an error no larger; None where nothing is that accurate."""
    return least_error(errors, costs, error)


def samples_to_pay(training: float, cost: float, rival: float) -> float | None:
    """Return the number of samples after which training has paid: ``training / (rival - cost)``.

    Args:
        training: What training cost, once.
        cost: Of a sample with what was trained.
        rival: Of a sample without.

    Returns:
        The number, or None where a sample is no cheaper than its rival's and training never pays.
    """
    return training / (rival - cost) if cost < rival else None
