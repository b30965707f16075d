"""What a training iteration of the latent ODE costs at the published size."""

from __future__ import annotations

import dataclasses
from typing import get_args

import torch

from suite.declarations import Axis, Meter
from suite.experiments.chen2018.spiral_forecasts import field_evaluations
from suite.experiments.chen2018.spiral_run import SpiralRun, spirals
from suite.experiments.chen2018.table2_settings import Table2Settings
from suite.models import Gradient
from suite.models.latent import LatentODE

ITERATIONS = 2_000
"""Iterations of a full training, by which the minutes are counted."""


def measure_cost(settings: Table2Settings, meter: Meter) -> None:
    """Record seconds and evaluations of a training iteration at the published size, with either gradient.

    A fresh latent ODE with every point observed: what an iteration costs at the start of a full training.
    """
    full = dataclasses.replace(settings, train_spirals=settings.cost_spirals, tolerance=settings.cost_tolerance)
    data = full.data[0]
    sets = spirals(data, full, meter)
    for gradient in get_args(Gradient):
        sized = dataclasses.replace(full, gradient=gradient)
        run = SpiralRun("latent-ode", data, settings.observed_points, sets, sized, meter)
        draws = meter.generator("posterior")
        for repeat in range(settings.cost_iterations + 1):
            normal = torch.randn(full.train_spirals, full.latent, generator=draws, dtype=torch.float64)
            run.model.zero_grad()
            if isinstance(run.model, LatentODE):
                run.model.reset_counts()
            with meter.wall_time() as seconds:
                run.loss(run.seen["train"], normal.to(meter.device), run.grid.observed).backward()
            if repeat:
                axes: dict[str, Axis] = {"gradient": gradient, "repeat": repeat}
                meter.record("full_iteration_seconds", seconds.value, "s", **axes)
                meter.record("full_training_minutes", ITERATIONS * seconds.value / 60, "min", **axes)
        forward, backward = field_evaluations(run.model)
        meter.record("full_nfe_forward", forward, "evaluations", gradient=gradient)
        meter.record("full_nfe_backward", backward, "evaluations", gradient=gradient)
