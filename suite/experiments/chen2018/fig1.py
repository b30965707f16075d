"""Fig. 1 of Chen et al. 2018: a residual network's jumps beside the vector field of an ODE network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from suite.declarations import Cell, Experiment, Meter, Profile, Settings, setting
from suite.experiments.rounding import significant
from suite.models.illustrations import ScalarField, random_scalar_field
from suite.solvers import odeint


@dataclass(frozen=True)
class Fig1Settings(Settings):
    """The field, the networks that step through it, and the picture; the defaults are the paper profile."""

    depth: float = setting(5.0, source="Fig. 1: the axis of depth goes from 0 to 5")
    reach: float = setting(5.0, source="Fig. 1: the axis of the state goes from about -5 to 5")
    units: int = setting(12, ours="the figure does not say which network it shows: a random smooth one with one layer")
    length: float = setting(1.5, ours="states over which a unit of the field turns over: several turns in the picture")
    steepness: tuple[float, ...] = setting(
        (0.9, 4.0),
        ours="largest convergence -df/dh of the field: below 1 the five layers of the picture keep the order of "
        "states, as their steps are of length 1; above, they need not",
    )
    layers: tuple[int, ...] = setting(
        (5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 10240),
        ours="residual layers over the same depth; five are drawn, one for each unit of depth in the figure",
    )
    starts: int = setting(201, ours="states at depth 0, evenly spaced over the axis, whose paths are compared")
    tolerance: float = setting(1e-10, ours="of the solution that paths are compared with, absolute and relative")
    drawn_starts: int = setting(9, ours="paths in the picture")
    drawn_arrows: int = setting(15, ours="arrows of the picture along each axis")
    drawn_tolerance: float = setting(
        1e-3, ours="of the solves whose evaluations are marked, as the circles of the figure are; section 6 names 1e-3"
    )


class Fig1(Experiment):
    """A residual network of L layers takes Euler steps of ``depth / L`` through the field that an ODE network follows.

    Both share one random field of one dimension, ``h + (depth / L) f(l depth / L, h)`` in layer ``l`` of the one, and
    ``dh/dt = f(t, h)`` in the other (equations 1 and 2). ``sup_distance`` is the largest distance of the residual
    network's states from the ODE's solution over all layers and starts; ``crossings`` counts neighbouring starts whose
    order changes on the way, which paths of an ODE of one dimension cannot do; ``smallest_gap`` is the smallest
    difference between two of them, negative where they cross. Nor can paths of a residual network while no layer folds:
    while its step times the largest ``-df/dh`` is below 1 (the axis ``folds``).
    """

    id = "chen2018/fig1"
    title = "Fig. 1: a residual network's jumps beside an ODE network's vector field"
    variants = ("residual", "ode")
    profiles: ClassVar[Mapping[Profile, Settings]] = {
        "smoke": Fig1Settings(layers=(5, 10, 20, 40, 80, 160), starts=41, drawn_starts=3, drawn_arrows=5),
        "quick": Fig1Settings(layers=(5, 10, 20, 40, 80, 160, 320, 640, 1280)),
        "laptop": Fig1Settings(layers=(5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560)),
        "paper": Fig1Settings(),
    }
    headline = "smallest_gap"
    paper_cost = "estimated, not measured: a minute; nothing is trained, and one CPU core does as well"

    def run(self, cell: Cell, meter: Meter) -> None:
        """Follow the paths of one network through a gentle and a steep field."""
        settings = Fig1Settings.of(cell.settings)
        gentle = random_scalar_field(
            settings.units,
            length=settings.length,
            reach=settings.reach,
            duration=settings.depth,
            generator=meter.generator("field"),
        ).to(meter.device)
        measure = _measure_residual if cell.variant == "residual" else _measure_ode
        for done, steepness in enumerate(settings.steepness, start=1):
            measure(gentle.times(steepness), steepness, settings, meter)
            if cell.seed == 0:
                draw = _draw_residual if cell.variant == "residual" else _draw_ode
                draw(gentle.times(steepness), steepness, settings, meter)
            meter.progress(done, len(settings.steepness), "fields")


def residual_path(field: ScalarField, start: Tensor, layers: int, depth: float) -> Tensor:
    """Return the states of a residual network, shape ``[layers + 1, *start.shape]``: Euler steps."""
    step, path = depth / layers, [start]
    for layer in range(layers):
        path.append(path[-1] + step * field(layer * step, path[-1]))
    return torch.stack(path)


def ode_path(field: ScalarField, start: Tensor, points: int, depth: float, tolerance: float) -> Tensor:
    """Return the solution at ``points + 1`` equally spaced times, shape ``[points + 1, *start.shape]``."""
    times = torch.linspace(0, depth, points + 1, dtype=start.dtype)
    path = odeint(field, start, times, rtol=tolerance, atol=tolerance, method="dopri5")
    if not isinstance(path, Tensor):
        raise TypeError("the solution of a state that is one tensor is one tensor")
    return path


def crossings(path: Tensor) -> int:
    """Return how many neighbours of the ascending starts are somewhere on a path ``[points, starts]`` out of order."""
    return int((path.diff(dim=1) < 0).any(dim=0).sum())


def _starts(count: int, settings: Fig1Settings, device: torch.device) -> Tensor:
    return torch.linspace(-settings.reach, settings.reach, count, dtype=torch.float64, device=device)


def _measure_residual(field: ScalarField, steepness: float, settings: Fig1Settings, meter: Meter) -> None:
    """Record how far a residual network is from the ODE at every number of layers, and the jumps of the first."""
    start = _starts(settings.starts, settings, meter.device)
    for layers in settings.layers:
        path = residual_path(field, start, layers, settings.depth)
        exact = ode_path(field, start, layers, settings.depth, settings.tolerance)
        folds = "may" if steepness * settings.depth / layers >= 1 else "never"
        of_layers = {"steepness": steepness, "layers": layers}
        meter.record("sup_distance", float((path - exact).abs().max()), "1", **of_layers)
        meter.record("largest_jump", float(path.diff(dim=0).abs().max()), "1", **of_layers)
        meter.record("crossings", crossings(path), "pairs", folds=folds, **of_layers)
        meter.record("smallest_gap", float(path.diff(dim=1).min()), "1", **of_layers)


def _measure_ode(field: ScalarField, steepness: float, settings: Fig1Settings, meter: Meter) -> None:
    """Record crossings of the ODE's paths, and how near two neighbours come to each other."""
    points = max(settings.layers)
    path = ode_path(field, _starts(settings.starts, settings, meter.device), points, settings.depth, settings.tolerance)
    meter.record("crossings", crossings(path), "pairs", steepness=steepness)
    meter.record("smallest_gap", float(path.diff(dim=1).min()), "1", steepness=steepness)


def _draw_residual(field: ScalarField, steepness: float, settings: Fig1Settings, meter: Meter) -> None:
    """Record the picture: paths through the fewest layers, and what a layer adds to states all over its input."""
    layers = min(settings.layers)
    step = settings.depth / layers
    path = residual_path(field, _starts(settings.drawn_starts, settings, meter.device), layers, settings.depth)
    _record_paths(path, step, steepness, meter)
    states = _starts(settings.drawn_arrows, settings, meter.device)
    for layer in range(layers):
        _record_arrows(layer * step, states, step * field(layer * step, states), steepness, meter)


def _draw_ode(field: ScalarField, steepness: float, settings: Fig1Settings, meter: Meter) -> None:
    """Record the picture: paths, the field, and where an adaptive solver evaluates it on the way of each path."""
    start, points = _starts(settings.drawn_starts, settings, meter.device), 50
    path = ode_path(field, start, points, settings.depth, settings.tolerance)
    _record_paths(path, settings.depth / points, steepness, meter)
    states = _starts(settings.drawn_arrows, settings, meter.device)
    for depth in torch.linspace(0, settings.depth, settings.drawn_arrows).tolist():
        _record_arrows(depth, states, field(depth, states), steepness, meter)
    for one in start:
        visited = _Visited(field)
        odeint(
            visited,
            one,
            torch.tensor([0, settings.depth], dtype=start.dtype),
            rtol=settings.drawn_tolerance,
            atol=settings.drawn_tolerance,
            method="dopri5",
        )
        for order, (depth, state) in enumerate(visited.points):
            axes = {"depth": significant(depth, 4), "start": significant(float(one), 4), "order": order}
            meter.record("evaluation", significant(state, 4), "1", steepness=steepness, **axes)


class _Visited:
    """A field that remembers where it was evaluated."""

    def __init__(self, field: ScalarField) -> None:
        self.field = field
        self.points: list[tuple[float, float]] = []

    def __call__(self, t: Tensor, h: Tensor) -> Tensor:
        self.points.append((float(t), float(h)))
        slope: Tensor = self.field(t, h)
        return slope


def _record_paths(path: Tensor, step: float, steepness: float, meter: Meter) -> None:
    for point, states in enumerate(path.tolist()):
        for start, state in zip(path[0].tolist(), states, strict=True):
            axes = {"depth": significant(point * step, 4), "start": significant(start, 4)}
            meter.record("path", significant(state, 4), "1", steepness=steepness, **axes)


def _record_arrows(depth: float, states: Tensor, change: Tensor, steepness: float, meter: Meter) -> None:
    for state, value in zip(states.tolist(), change.tolist(), strict=True):
        axes = {"depth": significant(depth, 4), "state": significant(state, 4)}
        meter.record("arrow", significant(value, 4), "1", steepness=steepness, **axes)
