"""Pictures of Fig. 4: densities on a grid, and the ways of the same base samples under each condition."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from suite.declarations import Meter
from suite.experiments.massaroli2020.fig4_scores import LogDensity
from suite.experiments.massaroli2020.fig4_settings import Fig4Settings
from suite.experiments.planar_points import square_grid
from suite.experiments.rounding import significant
from suite.models.conditional_flow import ClassDensities
from suite.models.flows import gaussian_samples

_FAINTEST = 0.03  # of a picture's maximum; a fainter cell has no row
_WAYS = 6
_WAY_POINTS = 13


def record_pictures(density: LogDensity, names: Sequence[str], settings: Fig4Settings, meter: Meter) -> None:
    """Record each density at the centres of the cells of a square."""
    side = settings.picture_side
    grid = square_grid(settings.picture_half_width, side, meter.device)
    meter.record("picture_side", side, "cells")
    meter.record("picture_half_width", settings.picture_half_width, "length")
    for label, name in enumerate(names):
        values = density(label, grid).double().exp()
        threshold = _FAINTEST * float(values.max())
        for cell, value in enumerate(values.tolist()):
            if value > threshold:
                place = {"row": cell // side, "column": cell % side}
                meter.record("density", significant(value, 3), "1/area", target=name, **place)


def record_ways(model: ClassDensities, names: Sequence[str], meter: Meter) -> None:
    """Record the ways of a few samples of the base, the same under each condition."""
    base = gaussian_samples(_WAYS, generator=meter.generator("ways"), dtype=torch.float32).to(meter.device)
    depths = torch.linspace(0, 1, _WAY_POINTS)
    for label, name in enumerate(names):
        paths = model.flow(label, base).transport(base, torch.zeros_like(base[:, 0]), depths)[0]
        for depth, points in zip(depths.tolist(), paths.tolist(), strict=True):
            for sample, (x, y) in enumerate(points):
                axes = {"sample": sample, "depth": significant(depth, 3), "x": significant(x, 3)}
                meter.record("way", significant(y, 3), "length", target=name, **axes)
