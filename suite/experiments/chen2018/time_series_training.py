"""Training of the latent ODE and of the recurrent baselines on windows of a real series."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn

from suite.datasets.series_windows import SplitSeries, Windows
from suite.declarations import Meter
from suite.experiments.chen2018.time_series_predictions import TASKS, Prediction, rmse
from suite.experiments.chen2018.time_series_settings import TimeSeriesSettings
from suite.models.graphed_step import GraphedStep
from suite.models.latent import (
    LatentField,
    LatentODE,
    RecognitionNetwork,
    RecurrentVAE,
    draw_initial_state,
    gaussian_log_density,
    kl_to_standard_normal,
    perceptron_decoder,
)
from suite.models.series import GapGRU


class SeriesModel(nn.Module):
    """A network with Gaussian noise of a learned deviation around what it decodes."""

    def __init__(self, network: LatentODE | RecurrentVAE | GapGRU, latent: int) -> None:
        super().__init__()
        self.network = network
        self.latent = latent
        self.log_std = nn.Parameter(torch.tensor(-1.0))

    def read(self, windows: Windows, noise: torch.Generator) -> tuple[Tensor, ...]:
        """Return what the network reads of windows, and what a latent model draws ``z0`` with."""
        if isinstance(self.network, GapGRU):
            return (windows.readable,)
        standard = torch.randn(len(windows), self.latent, generator=noise, dtype=windows.values.dtype)
        return *_encoder_input(windows), standard.to(windows.values.device)

    def negative_bound(self, times: Tensor, values: Tensor, present: Tensor, *read: Tensor) -> Tensor:
        """Return the mean over windows of the negative log-likelihood of all that is present, or of its bound.

        Args:
            times: The grid of times, on the host, shape ``[m]``.
            values: Values of the windows, shape ``[n, m]``.
            present: Where there are any, shape ``[n, m]``.
            *read: What :meth:`read` has returned.
        """
        if isinstance(self.network, GapGRU):
            means, divergence = self.network(values, *read, times), torch.zeros(())
        else:
            *observed, standard = read
            mean, log_std = self.network.encode(*observed)
            means = self.network.decode(draw_initial_state(mean, log_std, standard), times).squeeze(-1)
            divergence = kl_to_standard_normal(mean, log_std).mean()
        densities = gaussian_log_density(values, means, self.log_std.exp())
        return divergence - (densities * present).sum(1).mean()

    @torch.no_grad()
    def predict(self, windows: Windows, draws: int, noise: torch.Generator) -> Prediction:
        """Return the predictions; those of a latent model are a mixture over draws of ``z0``."""
        if isinstance(self.network, GapGRU):
            means = self.network(windows.values, windows.readable, windows.times).unsqueeze(0)
        else:
            mean, log_std = (part.repeat(draws, 1) for part in self.network.encode(*_encoder_input(windows)))
            standard = torch.randn(mean.shape, generator=noise, dtype=mean.dtype).to(mean.device)
            means = self.network.decode(draw_initial_state(mean, log_std, standard), windows.times).squeeze(-1)
            means = means.unflatten(0, (draws, len(windows)))
        return Prediction(means.mean(0), means, self.log_std.exp())


def new_model(variant: str, settings: TimeSeriesSettings, meter: Meter) -> SeriesModel:
    """Return the untrained model of a variant, in double precision."""
    with meter.initialisation():
        network = _network(variant, settings)
        return SeriesModel(network, settings.latent).to(meter.device, torch.float64)


def _network(variant: str, settings: TimeSeriesSettings) -> LatentODE | RecurrentVAE | GapGRU:
    if variant == "gru-gaps":
        return GapGRU(settings.recurrent_hidden)
    recognition = RecognitionNetwork(1, settings.latent, hidden=settings.recognition_hidden)
    if variant == "rnn-vae":
        decoder = perceptron_decoder(settings.recurrent_hidden, 1, hidden=settings.hidden)
        return RecurrentVAE(recognition, decoder, latent=settings.latent, hidden=settings.recurrent_hidden)
    field, decoder = (
        LatentField(settings.latent, hidden=settings.hidden),
        perceptron_decoder(settings.latent, 1, hidden=settings.hidden),
    )
    return LatentODE(recognition, field, decoder, method=settings.method, tolerance=settings.tolerance)


def train(
    model: SeriesModel,
    data: SplitSeries,
    settings: TimeSeriesSettings,
    meter: Meter,
    advanced: Callable[[int, float], None],
) -> None:
    """Train on the training windows; of all looks at the validation windows, the best is what the model ends with.

    Args:
        model: The model, changed in place.
        data: The series.
        settings: The settings.
        meter: Gives the order of windows and the noise, and takes the course of training.
        advanced: Told of iterations done and the validation error.

    Raises:
        FloatingPointError: When the loss or the validation error is no longer finite.
    """
    name = data.series.name
    training, validation = data.parts["train"].to(meter.device), data.parts["validation"].to(meter.device)
    optimiser = torch.optim.Adam(model.parameters(), lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.iterations)
    batches, noise = meter.generator(f"batches of {name}"), meter.generator(f"noise of {name}")

    @cache
    def step_of(observations: int) -> GraphedStep:
        """Return the step for windows of which a network reads so many values: on a GPU each is a graph of its own."""
        del observations

        def losses(*inputs: Tensor) -> tuple[Tensor]:
            return (model.negative_bound(training.times, *inputs),)

        return GraphedStep(losses, optimiser, gradient_norm=settings.gradient_norm)

    best, kept = {"error": math.inf}, copy.deepcopy(model)
    for done in meter.resumable_steps(
        settings.iterations,
        f"training on {name}",
        model=model,
        optimiser=optimiser,
        schedule=schedule,
        best=best,
        kept=kept,
    ):
        iteration = done + 1
        chosen = torch.randperm(len(training), generator=batches)[: settings.batch_size]
        windows = training.select(chosen)
        read = model.read(windows, noise)
        (loss,) = step_of(read[0].shape[1])(windows.values, windows.present, *read)
        schedule.step()
        if iteration % settings.validate_every == 0 or iteration == settings.iterations:
            prediction = model.predict(validation, 1, noise)
            error = sum(rmse(prediction, validation, task) for task in TASKS) / len(TASKS)
            value = float(loss)
            if not math.isfinite(error) or not math.isfinite(value):
                raise FloatingPointError(f"training on {name} diverged: its loss is {value} at iteration {iteration}")
            meter.record("validation_rmse", error, "standard deviations", series=name, iteration=iteration)
            advanced(iteration, error)
            if error < best["error"]:
                best["error"] = error
                kept.load_state_dict(model.state_dict())
    model.load_state_dict(kept.state_dict())


def _encoder_input(windows: Windows) -> tuple[Tensor, Tensor, Tensor]:
    values, times, mask = windows.observations()
    return values.unsqueeze(-1), times, mask
