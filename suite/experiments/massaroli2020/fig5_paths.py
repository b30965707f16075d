"""Depths and paths of a trained map of adaptive depth."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from suite.declarations import Meter
from suite.experiments.massaroli2020.fig5_settings import Fig5Settings
from suite.experiments.massaroli2020.reflection_grid import grid
from suite.experiments.rounding import significant
from suite.models.scalar_maps import AdaptiveMap
from suite.solvers import solve

_SHORTEST = 1e-6  # depths below it leave nothing to compare
_RESOLVED = 10  # tolerances that two paths may err by together


@torch.no_grad()
def record_paths(model: AdaptiveMap, settings: Fig5Settings, meter: Meter, *, drawn: bool) -> None:
    """Record the smallest and largest depth, how many paths cross, and pictures of depths and paths.

    ``crossings`` counts neighbours whose order changes, by more than the solver can err, at a depth that both reach;
    the paths are solved in depth itself and to a tight tolerance. ``reversed`` is the share of neighbours whose ends
    are in the other order.
    """
    x = grid(settings.points, meter.device)
    depth = model.block.depth(x)
    meter.record("smallest_depth", float(depth.min()), "1")
    meter.record("largest_depth", float(depth.max()), "1")
    meter.record("depth_range", float(depth.max() - depth.min()), "1")
    meter.record("crossings", _crossings(model.block.field, x, depth, settings), "pairs")
    ends = model(x).squeeze(1)
    meter.record("reversed", float((ends[1:] < ends[:-1]).double().mean()), "1")
    if not drawn:
        return
    for number, own in zip(x.squeeze(1).tolist(), depth.tolist(), strict=True):
        meter.record("depth", significant(own, 4), "1", x=significant(number, 4))
    starts = grid(settings.drawn_starts, meter.device)
    fractions = [index / (settings.drawn_points - 1) for index in range(settings.drawn_points)]
    depths, states = model.block.trajectory(starts, fractions)
    for index, number in enumerate(starts.squeeze(1).tolist()):
        for fraction, s, state in zip(fractions, depths[:, index].tolist(), states[:, index, 0].tolist(), strict=True):
            axes = {"x": significant(number, 4), "fraction": significant(fraction, 4)}
            meter.record("path_depth", significant(s, 4), "1", **axes)
            meter.record("path_state", significant(state, 4), "1", **axes)


def _crossings(field: nn.Module, x: Tensor, depth: Tensor, settings: Fig5Settings) -> int:
    """Return how many neighbours change their order at a depth that both reach, in either direction."""
    crossed = torch.zeros(len(x) - 1, dtype=torch.bool, device=x.device)
    for sign in (1, -1):
        reach = float((sign * depth).max())
        if reach < _SHORTEST:
            continue
        s = sign * torch.linspace(0, reach, settings.common_depths, dtype=torch.float64)
        tolerance = settings.path_tolerance
        found = torch.as_tensor(solve(field, x, s, rtol=tolerance, atol=tolerance).states).squeeze(2)
        there = (sign * depth).unsqueeze(0) >= sign * s.to(x.device).unsqueeze(1)
        both = there[:, 1:] & there[:, :-1]
        # Where paths have come together to within rounding, they have no order that could change.
        crossed |= (both & (found[:, 1:] < found[:, :-1] - _RESOLVED * tolerance)).any(dim=0)
    return int(crossed.sum())
