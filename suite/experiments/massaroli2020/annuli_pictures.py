"""Pictures of a planar classifier, recorded with few rows: labels, paths, and the field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor

from suite.datasets.annuli import Annuli, circle
from suite.declarations import Meter
from suite.experiments.rounding import significant
from suite.models.planar_classifiers import PlanarClassifier

_PATH_DEPTHS = tuple(step / 10 for step in range(11))


def record_labels(
    model: PlanarClassifier,
    meter: Meter,
    *,
    window: float,
    lines: int,
    points: int,
    threshold: float,
    tolerance: float,
) -> None:
    """Record where points count as inner: intervals on horizontal lines, ``inner_until`` with axes ``y`` and ``x``.

    Args:
        model: The classifier.
        meter: What to record with.
        window: Half the side of the square about the origin.
        lines: Evenly spaced lines.
        points: Evenly spaced points on each, between which an end of an interval is interpolated.
        threshold: Prediction above which a point counts as inner.
        tolerance: Of the solve.
    """
    x = torch.linspace(-window, window, points)
    heights = torch.linspace(-window, window, lines)
    grid = torch.stack([x.expand(lines, -1), heights[:, None].expand(-1, points)], dim=-1)
    # One line at a time: the steps of a solve are those that its whole batch needs.
    for y, line in zip(heights.tolist(), grid, strict=True):
        excess = model.predictions(line.to(meter.device), tolerance).cpu() - threshold
        for start, end in intervals_above_zero(x, excess):
            meter.record("inner_until", significant(end, 3), "length", y=significant(y, 3), x=significant(start, 3))


def intervals_above_zero(x: Tensor, values: Tensor) -> list[tuple[float, float]]:
    """Return the intervals in which values at rising abscissae, joined by straight lines, are positive."""
    positions, heights = x.tolist(), values.tolist()
    found: list[tuple[float, float]] = []
    start = positions[0] if heights[0] > 0 else None
    for index in range(1, len(positions)):
        low, high = heights[index - 1], heights[index]
        if (low > 0) == (high > 0):
            continue
        crossing = positions[index - 1] + (positions[index] - positions[index - 1]) * low / (low - high)
        if start is None:
            start = crossing
        else:
            found.append((start, crossing))
            start = None
    if start is not None:
        found.append((start, positions[-1]))
    return found


def record_paths(model: PlanarClassifier, annuli: Annuli, points: int, tolerance: float, meter: Meter) -> None:
    """Record paths of points evenly spaced on both circles: ``path`` is the second coordinate, ``first`` the other.

    Of an augmented state it is the projection onto the dimensions of the input, which come last.
    """
    circles = torch.cat([circle(annuli.inner, points), circle(annuli.outer, points)]).float().to(meter.device)
    states = cast(Tensor, model.solution(circles, _PATH_DEPTHS, tolerance).states)[..., -2:].tolist()
    for depth, positions in zip(_PATH_DEPTHS, states, strict=True):
        for point, (first, second) in enumerate(positions):
            label = 1 if point < points else 0
            meter.record(
                "path",
                significant(second, 3),
                "length",
                depth=depth,
                point=point,
                label=label,
                first=significant(first, 3),
            )


@torch.no_grad()
def record_field(model: PlanarClassifier, meter: Meter, *, window: float, side: int, depths: Sequence[float]) -> None:
    """Record arrows of the field on a grid: ``field`` is the second component, ``first`` the other.

    A state in the plane is augmented by zeros where the model has them, and a field that reads the input reads the
    grid point. One that is the same at all depths is recorded at the first alone.
    """
    axis = torch.linspace(-window, window, side)
    grid = torch.cartesian_prod(axis, axis).to(meter.device)
    width = model.readout.in_features
    states = torch.cat([grid.new_zeros(len(grid), width - 2), grid], dim=1)
    first: Tensor | None = None
    for depth in depths:
        arrows = model.derivative(torch.tensor(depth, device=meter.device), states, grid)[:, -2:]
        if first is not None and torch.equal(arrows, first):
            continue
        first = arrows if first is None else first
        for (x, y), (u, v) in zip(grid.tolist(), arrows.tolist(), strict=True):
            meter.record(
                "field",
                significant(v, 3),
                "length per depth",
                depth=depth,
                x=significant(x, 3),
                y=significant(y, 3),
                first=significant(u, 3),
            )
