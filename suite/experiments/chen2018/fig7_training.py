"""Training of the latent ODE of Figure 7 by maximum likelihood of event times, or by its evidence lower bound."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from suite.datasets.poisson_events import HORIZON, EventSequences
from suite.declarations import Meter
from suite.experiments.chen2018.fig7_settings import Fig7Settings
from suite.models.graphed_step import GraphedStep
from suite.models.latent import RecognitionNetwork, draw_initial_state, kl_to_standard_normal
from suite.models.point_process import IntensityPath, LatentIntensity

_REPORTED_EVERY = 20  # iterations between two looks at the loss, each of which waits for the device


class EventModel(nn.Module):
    """A latent intensity, with a recognition network where each sequence has a state of its own."""

    def __init__(self, intensity: LatentIntensity, encoder: RecognitionNetwork | None, observed_until: float) -> None:
        super().__init__()
        self.intensity = intensity
        self.encoder = encoder
        self.observed_until = observed_until

    def recognised(self, events: EventSequences) -> tuple[Tensor, Tensor] | None:
        """Return mean and log standard deviation of ``q(z0)`` from the observed part; None where all share it."""
        if self.encoder is None:
            return None
        nothing = events.times.new_zeros((*events.times.shape, 0))  # an event has a time and no value
        mean, log_std = self.encoder(nothing, events.times, events.between(-1.0, self.observed_until))
        return mean, log_std

    def initial_states(self, events: EventSequences) -> Tensor | None:
        """Return the states that predictions start from: the means of ``q(z0)``, None where all share one."""
        found = self.recognised(events)
        return None if found is None else found[0]


@dataclass(frozen=True)
class Stage:
    """Where a training stands among those of the cell, for progress lines."""

    number: int
    of: int


def new_model(training: EventSequences, observed_until: float, settings: Fig7Settings, meter: Meter) -> EventModel:
    """Return an untrained model; it has a recognition network where a part of each sequence is observed."""
    typical = float(training.counts.double().mean()) / HORIZON
    with meter.initialisation():
        intensity = LatentIntensity(
            latent=settings.latent,
            hidden=settings.hidden,
            typical_rate=typical,
            intervals=settings.intervals,
            integral_scale=settings.integral_scale,
            method=settings.method,
            tolerance=settings.tolerance,
        )
        encoder = RecognitionNetwork(0, settings.latent, hidden=settings.encoder_hidden) if observed_until > 0 else None
        return EventModel(intensity, encoder, observed_until).to(meter.device, torch.float64)


def train(
    model: EventModel, training: EventSequences, settings: Fig7Settings, meter: Meter, stage: Stage
) -> dict[int, float]:
    """Minimise the negative log-likelihood of a sequence, or its bound, and return its course.

    All sequences are one batch: where they share a state, one solve of a single trajectory serves all.

    Returns:
        The loss in nats of a sequence by iteration, at every twentieth.

    Raises:
        FloatingPointError: When the loss is no longer finite.
    """
    optimiser = torch.optim.Adam(model.parameters(), lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.iterations)
    noise = meter.generator("noise")
    step = GraphedStep(
        lambda *draws: (_negative_bound(model, training, *draws),), optimiser, gradient_norm=settings.gradient_norm
    )
    course: dict[int, float] = {}
    for iteration in meter.resumable_steps(
        settings.iterations,
        f"training {stage.number}",
        model=model,
        optimiser=optimiser,
        schedule=schedule,
        course=course,
    ):
        (loss,) = step(*_draws(model, training, noise))
        schedule.step()
        if iteration % _REPORTED_EVERY == 0:
            course[iteration] = value = loss.item()
            if not math.isfinite(value):
                raise FloatingPointError(f"training diverged: the loss is {value} at iteration {iteration}")
            done = stage.number * settings.iterations + iteration
            meter.progress(done, stage.of * settings.iterations, "iterations", loss=value)
    return course


def _draws(model: EventModel, events: EventSequences, noise: torch.Generator) -> tuple[Tensor, ...]:
    """Return what initial states are drawn with, shape ``[n, latent]``; nothing where all sequences share one."""
    if model.encoder is None:
        return ()
    shape = (len(events.times), model.intensity.initial.shape[1])
    return (torch.randn(shape, generator=noise, dtype=events.times.dtype).to(events.times.device),)


def _negative_bound(model: EventModel, events: EventSequences, *draws: Tensor) -> Tensor:
    """Return the mean negative log-likelihood of a sequence plus the divergence of ``q(z0)`` from ``N(0, I)``."""
    posterior = model.recognised(events)
    if posterior is None:
        shared: IntensityPath = model.intensity(HORIZON)
        return -shared.log_likelihood(events.times, events.mask).mean()
    mean, log_std = posterior
    path: IntensityPath = model.intensity(HORIZON, draw_initial_state(mean, log_std, *draws))
    return (kl_to_standard_normal(mean, log_std) - path.log_likelihood(events.times, events.mask)).mean()
