"""Training of a tracking field by the integral loss alone."""

from __future__ import annotations

import math

import torch
from torch import nn

from suite.declarations import Meter
from suite.experiments.massaroli2020.tracking import initial_conditions, integral_loss
from suite.experiments.massaroli2020.tracking_settings import TrackingSettings
from suite.models.graphed_step import GraphedStep

_REPORTED_EVERY = 20  # iterations between two looks at the loss, each of which waits for the device


def train_tracking(field: nn.Module, settings: TrackingSettings, meter: Meter) -> None:
    """Minimise the integral loss with Adam on fresh initial conditions; record its course and the time.

    Raises:
        FloatingPointError: When the loss is no longer finite.
    """
    optimiser = torch.optim.Adam(field.parameters(), lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimiser, settings.iterations, eta_min=settings.learning_rate * settings.final_learning_rate
    )
    step = GraphedStep(lambda z0: (_loss(field, z0, settings),), optimiser)
    stream = meter.generator("training conditions")
    with meter.wall_time() as elapsed:
        for iteration in meter.resumable_steps(
            settings.iterations, "training", model=field, optimiser=optimiser, schedule=schedule
        ):
            z0 = initial_conditions(settings.batch_size, settings.deviation, stream).to(meter.device)
            (loss,) = step(z0)
            schedule.step()
            if iteration % _REPORTED_EVERY == 0 or iteration == settings.iterations - 1:
                value = loss.item()
                if not math.isfinite(value):
                    raise FloatingPointError(f"training diverged: the loss is {value} at iteration {iteration}")
                meter.record("train_loss", value, "1", iteration=iteration)
                meter.progress(iteration + 1, settings.iterations, "iterations", loss=value)
    meter.record("train_loss_last", value, "1")
    meter.record("train_seconds", elapsed.value, "s")


def _loss(field: nn.Module, z0: torch.Tensor, settings: TrackingSettings) -> torch.Tensor:
    return integral_loss(
        field,
        z0,
        method=settings.method,
        steps=settings.steps,
        rtol=settings.rtol,
        atol=settings.atol,
        gradient=settings.gradient,
    )
