"""The trajectories that figures 8, 9 and 10 show: a few of them, as rows, rounded to what a picture can show."""

from __future__ import annotations

import torch
from torch import Tensor

from suite.datasets.spirals import Spirals
from suite.declarations import Axis, Meter
from suite.experiments.chen2018.spiral_forecasts import Grid, Model, Observations, forecast, posterior
from suite.experiments.chen2018.spiral_latents import coordinate_sweep, linear_probe, sweep_areas
from suite.experiments.rounding import significant
from suite.models.latent import LatentODE

EVERY = 2
"""Every so many points of a trajectory are kept."""
PATHS = 20
"""Latent paths in figure 8c."""
PANELS = 8
"""Panels of figure 9, as in the paper."""


@torch.no_grad()
def record_forecasts(
    model: Model, seen: Observations, test: Spirals, grid: Grid, scale: float, meter: Meter, *, truth: bool
) -> None:
    """Record one test spiral of each direction: what was observed of it, and what the model makes of that.

    Rows are ``picture``, with the axes ``observations``, ``panel``, ``curve``, ``step`` and ``coordinate``.

    Args:
        model: The trained model.
        seen: The observations of the test spirals.
        test: The test spirals.
        grid: The common grid.
        scale: What the model's positions are multiplied with.
        meter: Where to record.
        truth: Whether to record the spirals themselves as well.
    """
    examples = {"counter-clockwise": int(test.direction.argmax()), "clockwise": int(test.direction.argmin())}
    for panel, example in examples.items():
        found = forecast(model, seen[slice(example, example + 1)], grid)[0] * scale
        known = torch.isfinite(found).all(dim=-1).nonzero().squeeze(1)
        # A predicting RNN has few points on the observed interval, all of which are kept.
        sparse = len(known) < len(grid.times)
        kept = known[(known % EVERY == 0) | (sparse & (known < grid.observed))]
        axes: dict[str, Axis] = {"observations": seen.index.shape[1], "panel": panel}
        _curve(meter, found, kept, curve="model", **axes)
        _curve(meter, test.noisy[example], seen.index[example], curve="observed", **axes)
        if truth:
            _curve(meter, test.truth[example], torch.arange(0, len(grid.times), EVERY), curve="truth", panel=panel)


@torch.no_grad()
def record_latent_space(
    model: LatentODE, seen: Observations, test: Spirals, grid: Grid, scale: float, meter: Meter
) -> None:
    """Record latent paths (figure 8c) and the curves along the sweep of one coordinate of ``z0`` (figure 9)."""
    mean, _ = posterior(model, seen, grid)
    _latent_paths(model, mean, test, grid, meter)
    _sweep(model, mean, grid, scale, meter)


def _curve(meter: Meter, positions: Tensor, steps: Tensor, **axes: Axis) -> None:
    chosen = positions[steps.to(positions.device)].tolist()
    for step, position in zip(steps.tolist(), chosen, strict=True):
        for coordinate, value in zip("xy", position, strict=True):
            meter.record("picture", significant(value, 4), "1", step=step, coordinate=coordinate, **axes)


def _latent_paths(model: LatentODE, mean: Tensor, test: Spirals, grid: Grid, meter: Meter) -> None:
    """Record latent paths in the plane of the probe's normal and the widest direction across it."""
    normal, _ = linear_probe(mean, test.direction)
    first = normal / normal.norm()
    paths = model.latent_path(mean[:PATHS], grid.times[: grid.observed])
    across = (mean - mean.mean(dim=0)) @ (torch.eye(len(first)).to(first) - torch.outer(first, first))
    second = torch.linalg.svd(across, full_matrices=False).Vh[0]
    plane = torch.stack((first, second), dim=1)
    for path, direction, number in zip(paths @ plane, test.direction.tolist(), range(PATHS), strict=False):
        steps = torch.arange(0, grid.observed, max(grid.observed // 20, 1))
        name = "counter-clockwise" if direction > 0 else "clockwise"
        _curve(meter, path, steps, curve=f"path {number}", panel=f"latent {name}")


def _sweep(model: LatentODE, mean: Tensor, grid: Grid, scale: float, meter: Meter) -> None:
    """Record curves decoded along the coordinate of ``z0`` that takes one spiral furthest into both directions."""
    observed = grid.times[: grid.observed]
    start = mean[:1]
    values = [
        torch.linspace(float(column.min()), float(column.max()), PANELS, dtype=mean.dtype, device=mean.device)
        for column in mean.unbind(dim=1)
    ]
    areas = [
        sweep_areas(lambda z0: model.decode(z0, observed), start, each, along)[0] for each, along in enumerate(values)
    ]
    reach = [float(torch.minimum(area.max(), -area.min())) for area in areas]
    best = reach.index(max(reach))
    curves = model.decode(coordinate_sweep(start, best, values[best])[0], observed) * scale
    steps = torch.arange(0, grid.observed, 2 * EVERY)
    for number, (curve, value) in enumerate(zip(curves, values[best].tolist(), strict=True)):
        _curve(meter, curve, steps, curve=f"{significant(value, 4)}", panel=f"sweep {number}")
