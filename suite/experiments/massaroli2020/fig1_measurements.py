"""What is measured of a trained field of Figure 1: how it classifies, how it varies with depth, and pictures."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from suite.declarations import Meter
from suite.experiments.massaroli2020.depth_grid import solver_options
from suite.experiments.massaroli2020.fig1_settings import Fig1Settings
from suite.models.depth_varying import StackedField
from suite.models.two_layer_fields import DepthDependent, depth_variation, parameters_at, piecewise_mean
from suite.models.two_layer_fields.parameters_at_depth import flat_parameters
from suite.solvers import CountedField, solve

Points = tuple[Tensor, Tensor]
"""Points ``[n, 2]`` and their classes ``[n]``."""


def final_states(field: nn.Module, z0: Tensor, *, method: str, steps: int = 1, tolerance: float = 1e-7) -> Tensor:
    """Return ``z(1)`` of ``z(0) = z0 [n, 2]``, by so many steps of a fixed method or at a tolerance of another."""
    interval = torch.tensor([0.0, 1.0], dtype=z0.dtype)
    options = solver_options(_inner(field), method, steps, interval)
    states = solve(field, z0, interval, method=method, rtol=tolerance, atol=tolerance, options=options).states
    if not isinstance(states, Tensor):
        raise TypeError("the state is one tensor")
    return states[-1]


def _inner(field: nn.Module) -> nn.Module:
    return field.vector_field if isinstance(field, CountedField) else field


@torch.no_grad()
def measure_accuracy(
    field: DepthDependent, test: Points, trained: Callable[[nn.Module, Tensor], Tensor], *,
    discrete: bool, settings: Fig1Settings, meter: Meter, data: str,
) -> None:  # fmt: skip
    """Record test accuracy in percent, evaluations by tolerance, and what the solver and the depth variance are worth.

    Args:
        field: A trained field.
        test: Test points.
        trained: ``z(1)`` of a field from ``z(0)`` as in training.
        discrete: Whether the network is the steps of the training themselves and no ODE.
        settings: Settings of the tests.
        meter: Where to record.
        data: The value of the axis ``data``.
    """
    points, labels = test
    counted = CountedField(field)
    for tolerance in sorted(settings.tolerances, reverse=True):
        counted.reset()
        ends = final_states(counted, points, method=settings.test_method, tolerance=tolerance)
        meter.record("nfe_forward", int(counted.nfe), "evaluations", data=data, tolerance=tolerance)
    # That of the tightest tolerance.
    adaptive = accuracy(ends, labels)
    stepped = accuracy(trained(field, points), labels)
    own = stepped if discrete else adaptive
    meter.record("test_accuracy", own, "%", data=data)
    meter.record("test_error", 100 - own, "%", data=data)
    meter.record("accuracy_change_by_solver", abs(adaptive - stepped), "points", data=data)
    mean = piecewise_mean(field, 1)
    if discrete:
        ends = trained(_repeated(mean, len(field.fields) if isinstance(field, StackedField) else 1), points)
    else:
        ends = final_states(mean, points, method=settings.test_method, tolerance=min(settings.tolerances))
    meter.record("accuracy_lost_to_mean", own - accuracy(ends, labels), "points", data=data)


def accuracy(ends: Tensor, labels: Tensor) -> float:
    """Return the share in percent of states ``[n, 2]`` whose larger coordinate is that of their class."""
    return 100 * float((ends.argmax(dim=1) == labels).float().mean())


def _repeated(mean: StackedField, pieces: int) -> StackedField:
    """Return the field with its one piece in as many copies, so that fixed steps are those of training."""
    return StackedField([mean.fields[0]] * pieces)


@torch.no_grad()
def measure_depth(
    field: DepthDependent, points: Tensor, *, galerkin: bool, settings: Fig1Settings, meter: Meter, data: str
) -> None:
    """Record how much the parameters vary, and how stacked means of them approach Galerkin's parameters.

    Args:
        field: A trained field.
        points: Test points.
        galerkin: Whether its parameters are smooth functions of depth on a basis.
        settings: Settings of the tests.
        meter: Where to record.
        data: The value of the axis ``data``.
    """
    meter.record("depth_variation", depth_variation(field), "1", data=data)
    for name, depth in (("start", 0.0), ("end", 1 - 1e-6)):
        largest = max(float(part.abs().max()) for layer in parameters_at(field, depth) for part in layer)
        meter.record(f"largest_parameter_{name}", largest, "1", data=data)
    if not galerkin:
        return
    exact = copy.deepcopy(field).double()
    few = points[: settings.stacked_points].double()
    smooth = final_states(exact, few, method="rk4", steps=settings.stacked_steps)
    for pieces in settings.stacked_pieces:
        stacked = final_states(piecewise_mean(exact, pieces), few, method="rk4", steps=settings.stacked_steps)
        distance = float((stacked - smooth).square().sum(dim=1).mean().sqrt())
        meter.record("stacked_distance", distance, "length", data=data, pieces=pieces)


@torch.no_grad()
def record_pictures(
    field: DepthDependent, test: Points, *, method: str, steps: int, settings: Fig1Settings, meter: Meter, data: str
) -> None:
    """Record some test trajectories, solved as in training, and the parameters that vary most.

    Args:
        field: A trained field.
        test: Test points.
        method: The method of the training.
        steps: Its steps.
        settings: Settings of the pictures.
        meter: Where to record.
        data: The value of the axis ``data``.
    """
    points, labels = (each[: settings.drawn_points] for each in test)
    # Multiples of the steps, so that what is drawn is on the way of the training's solver.
    depths = torch.arange(settings.drawn_depths + 1, dtype=torch.float32) / settings.drawn_depths
    options = solver_options(field, method, steps, depths)
    states = solve(field, points, depths, method=method, options={**options, "interp": "cubic"}).states
    if not isinstance(states, Tensor):
        raise TypeError("the state is one tensor")
    for s, at in zip(depths.tolist(), states.tolist(), strict=True):
        for number, ((first, second), label) in enumerate(zip(at, labels.tolist(), strict=True)):
            axes = {"data": data, "point": number, "label": label, "s": s, "z1": _digits(first)}
            meter.record("trajectory", _digits(second), "length", **axes)
    # In the middle of the intervals, where no piece ends.
    middles = [(number + 0.5) / 40 for number in range(40)]
    theta = torch.stack([flat_parameters(field, depth).cpu() for depth in middles])
    chosen = theta.std(dim=0).topk(min(settings.drawn_parameters, theta.shape[1])).indices
    for s, values in zip(middles, theta[:, chosen].tolist(), strict=True):
        for number, value in enumerate(values):
            meter.record("parameter", _digits(value), "1", data=data, parameter=number, s=s)


def _digits(value: float) -> float:
    """Round to the three significant digits that a picture shows."""
    return float(f"{value:.3g}")
