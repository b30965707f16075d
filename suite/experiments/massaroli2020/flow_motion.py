"""How the states of a flow move: the speed of every coordinate, and whether it ever turns back."""

from __future__ import annotations

import copy
from typing import cast

import torch
from torch import Tensor, nn

from suite.declarations import Axis, Meter
from suite.experiments.rounding import significant
from suite.solvers import solve

_DRAWN_STEPS = 10


@torch.no_grad()
def record_motion(field: nn.Module, points: Tensor, steps: int, meter: Meter, **axes: Axis) -> None:
    """Record extremes over all paths, coordinates and depths, in double precision.

    ``least_speed`` and ``largest_speed`` are of a component of the field on a path, ``least_increment`` is of a
    coordinate in a step, ``least_displacement`` and ``largest_displacement`` over the whole depth.

    Paths are followed by rk4 with equal steps. A step is a mean of four values of the field with positive weights, so
    that bounds of the field are bounds of every step; a polynomial between steps of an adaptive method may overshoot
    where a rectifier has its corner.

    Args:
        field: Called as ``field(s, z)``.
        points: States at depth 0, shape ``[n, d]``.
        steps: Steps from depth 0 to 1.
        meter: What to record with.
        **axes: Axes of the recorded rows.
    """
    exact = copy.deepcopy(field).double()
    depths = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    states = cast(Tensor, solve(exact, points.double(), depths, method="rk4").states)
    speeds = torch.stack([exact(s, z) for s, z in zip(depths.to(points.device), states, strict=True)])
    moved = states[-1] - states[0]
    meter.record("least_speed", float(speeds.min()), "length per depth", **axes)
    meter.record("largest_speed", float(speeds.max()), "length per depth", **axes)
    meter.record("least_increment", float(states.diff(dim=0).min()), "length", **axes)
    meter.record("least_displacement", float(moved.min()), "length", **axes)
    meter.record("largest_displacement", float(moved.max()), "length", **axes)


@torch.no_grad()
def record_coordinates(field: nn.Module, points: Tensor, tolerance: float, meter: Meter, **axes: Axis) -> None:
    """Record paths for a figure: ``path`` is the second coordinate, ``first`` the other, at eleven depths."""
    times = torch.linspace(0, 1, _DRAWN_STEPS + 1, dtype=torch.float64)
    states = cast(Tensor, solve(field, points, times, method="dopri5", rtol=tolerance, atol=tolerance).states)
    for step, positions in enumerate(states.tolist()):
        for point, (first, second) in enumerate(positions):
            meter.record(
                "path",
                significant(second, 3),
                "length",
                depth=step / _DRAWN_STEPS,
                point=point,
                first=significant(first, 3),
                **axes,
            )
