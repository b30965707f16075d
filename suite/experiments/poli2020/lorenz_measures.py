"""What is measured of long roll-outs: errors over time, statistics of the attractor, errors at equal operations."""

from __future__ import annotations

import math

import torch
from scipy.stats import wasserstein_distance
from torch import Tensor

from suite.declarations import Axis, Meter
from suite.experiments.poli2020.lorenz_methods import BASES, HYPER, classical, operations_of_step, stages
from suite.experiments.poli2020.lorenz_rollouts import roll_out
from suite.experiments.poli2020.lorenz_settings import LorenzSettings
from suite.experiments.poli2020.lorenz_systems import System
from suite.experiments.rounding import significant
from suite.models.hypersolvers import NominalTrajectories, nominal_trajectories
from suite.solvers import Method, solve

_TIMED_STEP = 1e-3


def record_horizon(
    system: System, exact: NominalTrajectories, rate: int, step: float, method: Method, valid: float, meter: Meter
) -> None:
    """Record the relative error over time, and how long the median prediction is valid."""
    outputs = len(exact.times) - 1
    found = roll_out(system.field, exact.states[0], system.spacing, outputs, step, method)
    # A trajectory that is gone is off by its whole size, as one on another part of the attractor is about.
    size = exact.states.square().sum(dim=2).mean().sqrt()
    errors = torch.linalg.vector_norm(found - exact.states, dim=2).div(size).nan_to_num(nan=1.0)
    axes: dict[str, Axis] = {"system": system.name, "rate": rate}
    shown = range(1, outputs + 1) if outputs <= 25 else range(outputs // 25, outputs + 1, outputs // 25)
    for index in shown:
        value = significant(float(errors[index].mean()), 4)
        meter.record("error", value, "1", t=round(exact.times[index], 6), **axes)
    wrong = errors > valid
    # The first output that is not valid; the end of the horizon where all are.
    first = torch.where(wrong.any(dim=0), wrong.int().argmax(dim=0), torch.tensor(outputs, device=wrong.device))
    meter.record("valid_time", float(first.double().median()) * system.spacing, "time", **axes)
    gone = found[-1].isnan().any(dim=1).double().mean()
    meter.record("lost_share", float(gone), "1", **axes)


def record_statistics(
    system: System, z0: Tensor, rate: int, step: float, method: Method, end: float, meter: Meter
) -> None:
    """Record how far the last coordinate's distribution on the attractor is from the true one, over its deviation."""
    outputs = round(end / system.spacing)
    found = _settled(roll_out(system.field, z0, system.spacing, outputs, step, method))
    true = _settled(roll_out(system.field, z0, system.spacing, outputs, system.spacing / 5, classical("dopri8")))
    deviation = float(true[..., -1].std())
    axes: dict[str, Axis] = {"system": system.name, "rate": rate}

    def distance(one: Tensor, other: Tensor) -> float:
        one, other = (each[..., -1].flatten().cpu() for each in (one, other))
        return float(wasserstein_distance(one[one.isfinite()].numpy(), other.numpy())) / deviation

    lost = float(found[-1].isnan().any(dim=1).double().mean())
    meter.record("lost_in_statistics", lost, "1", **axes)
    # Without any trajectory left there is no distribution: one deviation stands for it.
    meter.record("attractor_distance", distance(found, true) if lost < 1 else 1.0, "1", **axes)
    half = true.shape[1] // 2
    # Of two halves of the true trajectories: what a finite sample cannot resolve.
    meter.record("attractor_floor", distance(true[:, :half], true[:, half:]), "1", **axes)
    for coordinate in range(system.field.dimensions):
        for name, states in (("found", found), ("true", true)):
            column = states[..., coordinate]
            column = column[column.isfinite()]
            for quantity, value in (("mean", column.mean()), ("deviation", column.std())):
                if math.isfinite(float(value)):
                    meter.record(f"{name}_{quantity}", float(value), "1", coordinate=coordinate, **axes)


def _settled(states: Tensor) -> Tensor:
    """Return the second half of a roll-out, when it is on the attractor."""
    return states[len(states) // 2 :]


def record_equal_operations(
    variant: str, system: System, z0: Tensor, own: Method | None, settings: LorenzSettings, meter: Meter
) -> None:
    """Record the error of a variant that is given the operations of each hypersolver, capped in evaluations."""
    end, rate = settings.matched_time, settings.matched_rate
    outputs = max(1, round(end / system.spacing))
    times = [k * system.spacing for k in range(outputs + 1)]
    exact = nominal_trajectories(system.field, z0, times, method="dopri8", tolerance=1e-12)
    for rival in HYPER:
        if variant in HYPER and variant != rival:
            continue
        budget = operations_of_step(rival, system, settings, meter) * rate / stages(rival)
        if variant == rival:
            steps_per_time = rate / stages(rival)
        else:
            per_step = stages(variant) * system.field.multiplications
            steps_per_time = min(budget / per_step, settings.most_evaluations / stages(variant))
        count = max(1, math.floor(steps_per_time * system.spacing * (1 + 1e-12)))
        method = own if own is not None else classical(BASES[variant])
        found = roll_out(system.field, z0, system.spacing, outputs, system.spacing / count, method)
        size = exact.states.square().sum(dim=2).mean().sqrt()
        error = torch.linalg.vector_norm(found[-1] - exact.states[-1], dim=1).div(size).nan_to_num(nan=1.0).mean()
        axes: dict[str, Axis] = {"system": system.name, "rate": rate, "rival": rival}
        meter.record("equal_operations_error", float(error), "1", **axes)
        used = operations_of_step(variant, system, settings, meter) * count / system.spacing
        meter.record("operations_share", used / budget, "1", **axes)


def record_step_time(
    system: System, z0: Tensor, rate: int, step: float, method: Method, repeats: int, meter: Meter
) -> None:
    """Record the time of a step, and beside it that of a step of RK4: the fastest of interleaved repeats.

    A step takes the same time whatever its length. A short one is timed, with which no trajectory leaves all bounds.
    """
    count, step = 20, min(step, _TIMED_STEP)
    times = torch.tensor([0.0, count * step], dtype=torch.float64)
    seconds: dict[str, list[float]] = {"step_seconds": [], "rk4_step_seconds": []}
    with torch.no_grad():
        for _ in range(repeats):
            for name, timed in (("step_seconds", method), ("rk4_step_seconds", classical("rk4_classic"))):
                with meter.wall_time() as reading:
                    solve(system.field, z0, times, method=timed, options={"step_size": step})
                seconds[name].append(reading.value / count)
    for name, found in seconds.items():
        meter.record(name, min(found), "s", system=system.name, rate=rate)
