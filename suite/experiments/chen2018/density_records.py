"""What Fig. 4 of Chen et al. 2018 records of trained flows."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from suite.datasets.rezende_mohamed import grid
from suite.declarations import Meter
from suite.experiments.chen2018.density_matching import Schedule, mass_on_grid, match
from suite.experiments.chen2018.matched_flows import MatchedContinuousFlows, MatchedFlows
from suite.experiments.rounding import significant

Members = Sequence[tuple[int, str]]
"""Size and target of each model."""

FAINT = 0.005
"""Cells of a picture below this share of its highest one are left out: they would look empty."""


def record_training(
    members: Members, flows: MatchedFlows, schedule: Schedule, history: Sequence[tuple[int, Tensor]], meter: Meter
) -> None:
    """Record the losses along the training, how much they fall in its last quarter, and its extent."""
    late = history[max(0, 3 * len(history) // 4 - 1)][1] - history[-1][1]
    for row, (size, target) in enumerate(members):
        for iteration, losses in history:
            loss = round(float(losses[row]), 4)
            meter.record("training_loss", loss, "nats", target=target, size=size, iteration=iteration)
        meter.record("late_fall", float(late[row]), "nats", target=target, size=size)
        meter.record("parameters", flows.parameters_of_each[row], "1", target=target, size=size)
        meter.record("iterations", schedule.iterations, "1", target=target, size=size)


def record_match(
    members: Members, flows: MatchedFlows, targets: Sequence[str], held_out: Tensor, meter: Meter
) -> list[float]:
    """Record what the models match on held-out base samples ``[n, 2]``, and return their losses."""
    found = match(flows, targets, held_out)
    for row, (size, target) in enumerate(members):
        meter.record("loss", float(found.loss[row]), "nats", target=target, size=size)
        meter.record("window_divergence", float(found.window_divergence[row]), "nats", target=target, size=size)
        meter.record("window_mass", float(found.window_mass[row]), "1", target=target, size=size)
    return [float(loss) for loss in found.loss]


def record_both_directions(flows: MatchedContinuousFlows, base: Tensor, meter: Meter) -> None:
    """Record evaluations and seconds of the accurate solve from base to data and of its reverse, and what it returns.

    Evaluations are of all models together, which share their steps.
    """
    flows.counted.reset()
    with meter.wall_time() as seconds:
        z, log_q = flows.push_accurately(base)
    meter.record("nfe_forward", flows.counted.nfe, "evaluations")
    meter.record("seconds_forward", seconds.value, "s")
    flows.counted.reset()
    with meter.wall_time() as seconds:
        returned = flows.log_density(z)
    calls = -(-len(base) // flows.points_at_once)
    meter.record("nfe_reverse", flows.counted.nfe / calls, "evaluations")
    meter.record("seconds_reverse", seconds.value, "s")
    meter.record("round_trip_error", float((returned - log_q).abs().max()), "nats")


def record_mass(members: Members, flows: MatchedContinuousFlows, held_out: Tensor, points: int, meter: Meter) -> None:
    """Record the integral of each density over a square that holds the samples, and how far it is from 1."""
    reach = flows.push_accurately(held_out)[0].abs().amax(dim=(1, 2)).cpu()
    masses = mass_on_grid(flows, reach, points)
    for row, (size, target) in enumerate(members):
        meter.record("mass", float(masses[row]), "1", target=target, size=size)
        meter.record("mass_error", abs(float(masses[row]) - 1), "1", target=target, size=size)


def record_pictures(members: Members, flows: MatchedFlows, sizes: Sequence[int], points: int, meter: Meter) -> None:
    """Record the densities of some sizes in the window, cell by cell, to the accuracy of a picture."""
    centres, _ = grid(points, dtype=torch.float32)
    log_density = flows.log_density(centres.to(meter.device).expand(len(members), *centres.shape))
    for density, (size, target) in zip(log_density.exp().cpu(), members, strict=True):
        if size not in sizes:
            continue
        visible = density >= FAINT * density.max()
        for (z1, z2), value in zip(centres[visible].tolist(), density[visible].tolist(), strict=True):
            meter.record("density", significant(value, 4), "1", target=target, size=size, z1=z1, z2=z2)
