"""Training of the latent ODE and of the recurrent baselines on windows of a real series."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from suite.datasets.series_windows import SplitSeries, Windows
from suite.declarations import Meter
from suite.experiments.chen2018.time_series_predictions import TASKS, Prediction, rmse
from suite.experiments.chen2018.time_series_settings import TimeSeriesSettings
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

    def __init__(self, network: LatentODE | RecurrentVAE | GapGRU) -> None:
        super().__init__()
        self.network = network
        self.log_std = nn.Parameter(torch.tensor(-1.0))

    def negative_bound(self, windows: Windows, noise: torch.Generator) -> Tensor:
        """Return the mean over windows of the negative log-likelihood of all that is present, or of its bound."""
        if isinstance(self.network, GapGRU):
            means, divergence = self.network(windows.values, windows.readable, windows.times), torch.zeros(())
        else:
            posterior = self.network.encode(*_encoder_input(windows))
            means = _decoded(self.network, windows, *posterior, noise)
            divergence = kl_to_standard_normal(*posterior).mean()
        densities = gaussian_log_density(windows.values, means, self.log_std.exp())
        return divergence - (densities * windows.present).sum(1).mean()

    @torch.no_grad()
    def predict(self, windows: Windows, draws: int, noise: torch.Generator) -> Prediction:
        """Return the predictions; those of a latent model are a mixture over draws of ``z0``."""
        if isinstance(self.network, GapGRU):
            means = self.network(windows.values, windows.readable, windows.times).unsqueeze(0)
        else:
            posterior = self.network.encode(*_encoder_input(windows))
            repeated = [part.repeat(draws, 1) for part in posterior]
            means = _decoded(self.network, windows, repeated[0], repeated[1], noise)
            means = means.unflatten(0, (draws, len(windows)))
        return Prediction(means.mean(0), means, self.log_std.exp())


def new_model(variant: str, settings: TimeSeriesSettings, meter: Meter) -> SeriesModel:
    """Return the untrained model of a variant, in double precision."""
    with meter.initialisation():
        network = _network(variant, settings)
        return SeriesModel(network).to(meter.device, torch.float64)


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
        optimiser.zero_grad()
        loss = model.negative_bound(training.select(chosen), noise)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), settings.gradient_norm)
        optimiser.step()
        schedule.step()
        if iteration % settings.validate_every == 0 or iteration == settings.iterations:
            prediction = model.predict(validation, 1, noise)
            error = sum(rmse(prediction, validation, task) for task in TASKS) / len(TASKS)
            value = float(loss.detach())
            if not math.isfinite(error) or not math.isfinite(value):
                raise FloatingPointError(f"training on {name} diverged: its loss is {value} at iteration {iteration}")
            meter.record("validation_rmse", error, "standard deviations", series=name, iteration=iteration)
            advanced(iteration, error)
            if error < best["error"]:
                best["error"] = error
                kept.load_state_dict(model.state_dict())
    model.load_state_dict(kept.state_dict())


def _decoded(
    network: LatentODE | RecurrentVAE, windows: Windows, mean: Tensor, log_std: Tensor, noise: torch.Generator
) -> Tensor:
    """Return the means at all times for one draw of ``z0`` for each window, shape ``[n, m]``."""
    standard = torch.randn(mean.shape, generator=noise, dtype=mean.dtype).to(mean.device)
    return network.decode(draw_initial_state(mean, log_std, standard), windows.times).squeeze(-1)


def _encoder_input(windows: Windows) -> tuple[Tensor, Tensor, Tensor]:
    values, times, mask = windows.observations()
    return values.unsqueeze(-1), times, mask
