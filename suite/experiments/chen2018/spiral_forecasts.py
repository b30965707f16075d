"""The models of Table 2 behind one interface: a training loss, and positions on the grid from the observations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from suite.models import Gradient
from suite.models.latent import (
    LatentField,
    LatentODE,
    NextObservationRNN,
    RecognitionNetwork,
    RecurrentVAE,
    draw_initial_state,
    evidence_lower_bound,
    perceptron_decoder,
)

LatentModel = LatentODE | RecurrentVAE
Model = NextObservationRNN | LatentODE | RecurrentVAE
Variant = Literal["rnn", "rnn-gaps", "rnn-vae", "latent-ode"]


@dataclass(frozen=True)
class Observations:
    """What a model sees of a batch of trajectories.

    Attributes:
        values: Noisy positions, shape ``[batch, n, 2]``.
        index: The points of the grid that they belong to, ascending, shape ``[batch, n]``.
    """

    values: Tensor
    index: Tensor

    def __getitem__(self, chosen: Tensor | slice) -> Observations:
        """Return some of the trajectories."""
        return Observations(self.values[chosen], self.index[chosen])


@dataclass(frozen=True)
class Architecture:
    """Sizes of the networks and the solve of the latent ODE."""

    latent: int
    encoder_hidden: int
    initial_std: float
    field_hidden: int
    decoder_hidden: int
    rnn_hidden: int
    method: str
    tolerance: float
    gradient: Gradient


def build(variant: Variant, sizes: Architecture) -> Model:
    """Return the untrained model of a variant, in float64: the paper's tolerance is beyond float32."""
    if variant in ("rnn", "rnn-gaps"):
        return NextObservationRNN(2, hidden=sizes.rnn_hidden, time_gaps=variant == "rnn-gaps").double()
    recognition = RecognitionNetwork(2, sizes.latent, hidden=sizes.encoder_hidden, initial_std=sizes.initial_std)
    if variant == "rnn-vae":
        decoder = perceptron_decoder(sizes.rnn_hidden, 2, hidden=sizes.decoder_hidden)
        return RecurrentVAE(recognition, decoder, latent=sizes.latent, hidden=sizes.rnn_hidden).double()
    return LatentODE(
        recognition,
        LatentField(sizes.latent, hidden=sizes.field_hidden),
        perceptron_decoder(sizes.latent, 2, hidden=sizes.decoder_hidden),
        method=sizes.method,
        tolerance=sizes.tolerance,
        gradient=sizes.gradient,
    ).double()


@dataclass(frozen=True)
class Grid:
    """The common grid of times.

    Attributes:
        times: All points, observed interval first, shape ``[observed + further]``; on the host, where the solver reads
            them.
        observed: How many of them lie on the observed interval.
        copy: All points, on the device of the models.
    """

    times: Tensor
    observed: int
    copy: Tensor

    def at(self, index: Tensor) -> Tensor:
        """Return the times of points of the grid, on the device."""
        return self.copy[index]


def posterior(model: LatentModel, seen: Observations, grid: Grid) -> tuple[Tensor, Tensor]:
    """Return mean and log standard deviation of ``z0``, the state at the first point of the grid."""
    return model.encode(seen.values, grid.at(seen.index), start=grid.times.tolist()[0])


def training_loss(
    model: Model, seen: Observations, grid: Grid, standard_normal: Tensor, *, noise_std: float, horizon: int
) -> Tensor:
    """Return what an observation costs on average, in nats; every trajectory counts the same.

    For the predicting RNN its negative log-likelihood, for a latent-variable model the negative evidence lower bound.

    Args:
        model: The model.
        seen: The batch.
        grid: The common grid: the latent path is solved once on its observed interval, and each trajectory takes from
            it the points at which it was observed.
        standard_normal: What ``z0`` is drawn with, shape ``[batch, latent]``.
        noise_std: Standard deviation of the observations, which the likelihood knows.
        horizon: A latent-variable model is to explain the observations at the first so many points; all of them enter
            its recognition network.
    """
    count = seen.index.shape[1]
    if isinstance(model, NextObservationRNN):
        # Gaps in steps of the grid, so that they are of order one.
        return model.negative_log_likelihood(seen.values, seen.index.to(seen.values)).mean() / (count - 1)
    mean, log_std = posterior(model, seen, grid)
    path = model.latent_path(draw_initial_state(mean, log_std, standard_normal), grid.times[:horizon])
    within = seen.index < horizon
    index = seen.index.clamp(max=horizon - 1).unsqueeze(-1).expand(-1, -1, path.shape[-1])
    decoded = model.decoder(path.gather(1, index))
    bound = evidence_lower_bound(seen.values, decoded, mean, log_std, noise_std=noise_std, mask=within)
    return -bound.mean() / count


def forecast(model: Model, seen: Observations, grid: Grid) -> Tensor:
    """Return positions on the whole grid, shape ``[batch, observed + further, 2]``, from the observations alone.

    A latent-variable model decodes the posterior mean. The RNN predicts every observation but the first from those
    before it, then continues on its own predictions; where it predicts nothing the result is not a number.
    """
    if isinstance(model, NextObservationRNN):
        steps = seen.index.to(seen.values)
        found = seen.values.new_full((len(steps), len(grid.times), 2), torch.nan)
        predicted = model(seen.values, steps)
        found.scatter_(1, seen.index[:, 1:].unsqueeze(-1).expand_as(predicted), predicted)
        later = torch.arange(grid.observed, len(grid.times), device=steps.device)
        found[:, grid.observed :] = model.extrapolate(seen.values, steps, later)
        return found
    mean, _ = posterior(model, seen, grid)
    return model.decode(mean, grid.times)


def field_evaluations(model: nn.Module) -> tuple[int, int]:
    """Return the evaluations of a latent ODE's field in forward and in backward passes; none of another model."""
    return (model.nfe_forward, model.nfe_backward) if isinstance(model, LatentODE) else (0, 0)
