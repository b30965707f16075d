"""One model of Table 2: its training on spirals observed at some of their points, and what is measured of it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from suite.datasets.spirals import GENERATORS, Spirals, subsample_times
from suite.declarations import Axis, Meter
from suite.experiments.chen2018 import spiral_pictures
from suite.experiments.chen2018.spiral_forecasts import (
    Architecture,
    Grid,
    Model,
    Observations,
    Variant,
    build,
    field_evaluations,
    forecast,
    posterior,
    training_loss,
)
from suite.experiments.chen2018.spiral_latents import (
    accuracy,
    largest_jump,
    linear_probe,
    sign_changes,
    silhouette,
    sweep_areas,
)
from suite.experiments.chen2018.table2_settings import Table2Settings
from suite.experiments.stretches import stretches
from suite.models import parameter_count
from suite.models.graphed_step import GraphedStep
from suite.models.latent import LatentODE, NextObservationRNN

LONGEST = 50
"""Iterations of a training between two points at which it can be interrupted."""


def spirals(data: str, settings: Table2Settings, meter: Meter) -> dict[str, Spirals]:
    """Generate the training, validation and test spirals, each from a stream of its own, on the device."""
    noise_std = settings.released_noise if data == "released" else settings.common_centre_noise
    points = settings.observed_points + settings.further_points
    sizes = {
        "train": settings.train_spirals,
        "validation": settings.validation_spirals,
        "test": settings.test_spirals,
    }
    sets = {}
    for name, count in sizes.items():
        found = GENERATORS[data](count, points, meter.generator(f"{data}/{name}"), noise_std=noise_std)
        sets[name] = Spirals(*(each.to(meter.device) for each in (found.truth, found.noisy, found.direction)))
    return sets


def _architecture(settings: Table2Settings) -> Architecture:
    names = [field.name for field in dataclasses.fields(Architecture)]
    return Architecture(**{name: getattr(settings, name) for name in names})


class SpiralRun:
    """One model on one kind of spirals with one number of observations: its training and what is measured of it."""

    def __init__(
        self, variant: Variant, data: str, count: int, sets: dict[str, Spirals], settings: Table2Settings, meter: Meter
    ) -> None:
        self.variant, self.sets, self.settings, self.meter = variant, sets, settings, meter
        self.count = count
        self.axes: dict[str, Axis] = {"data": data, "observations": count}
        observed = settings.observed_points
        spacing = settings.interval / (observed - 1)
        times = torch.arange(observed + settings.further_points, dtype=torch.float64) * spacing
        self.grid = Grid(times, observed, times.to(meter.device))
        # Models see positions in units of their spread, so that one learning rate serves both kinds of spirals.
        self.scale = float(sets["train"].noisy[:, :observed].std())
        self.noise_std = float(settings.released_noise if data == "released" else settings.common_centre_noise)
        self.seen = {name: self._observe(name, spirals) for name, spirals in sets.items()}
        with meter.initialisation():
            self.model: Model = build(variant, _architecture(settings)).to(meter.device)
        meter.record("parameters", parameter_count(self.model), "1", **self.axes)

    def _observe(self, name: str, spirals: Spirals) -> Observations:
        stream = f"{self.axes['data']}/{self.count}/{name}"
        count, kept = len(spirals.noisy), self.count
        index = subsample_times(count, self.grid.observed, kept, self.meter.generator(stream)).to(self.meter.device)
        return Observations(_at(spirals.noisy / self.scale, index), index)

    def train(self) -> None:
        """Train by Adam, with a learning rate that rises over a tenth of the iterations and falls to nought.

        Raises:
            FloatingPointError: When the loss is not finite.
        """
        settings, meter = self.settings, self.meter
        rates = {"rnn-vae": settings.vae_learning_rate, "latent-ode": settings.ode_learning_rate}
        rate = rates.get(self.variant, settings.rnn_learning_rate)
        optimiser = torch.optim.Adam(self.model.parameters(), lr=rate)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=settings.iterations, pct_start=0.1)
        batches, draws = meter.generator("batches"), meter.generator("posterior")
        every = max(settings.iterations // settings.validations, 1)
        full = settings.batch_size >= settings.train_spirals
        step = self._step_of(optimiser)
        parts = stretches((*range(every, settings.iterations, every), settings.iterations), LONGEST)
        since = dict.fromkeys(("loss", "seconds", "nfe_forward", "nfe_backward"), 0.0)
        name = f"{self.axes['data']} with {self.count} observations"
        for number in meter.resumable_steps(
            len(parts), name, model=self.model, optimiser=optimiser, schedule=schedule, since=since
        ):
            part = parts[number]
            total = torch.tensor(since["loss"], dtype=torch.float64, device=meter.device)
            if isinstance(self.model, LatentODE):
                self.model.reset_counts()
            with meter.wall_time() as seconds:
                for iteration in part.iterations:
                    chosen = torch.randint(settings.train_spirals, (settings.batch_size,), generator=batches)
                    seen = self.seen["train"] if full else self.seen["train"][chosen.to(meter.device)]
                    normal = torch.randn(len(seen.values), settings.latent, generator=draws, dtype=torch.float64)
                    (loss,) = step(self._horizon(iteration))(seen.values, seen.index, normal.to(meter.device))
                    schedule.step()
                    total += loss
            since["loss"] = float(total)
            since["seconds"] += seconds.value
            if isinstance(self.model, LatentODE):
                forward, backward = field_evaluations(self.model)
                since["nfe_forward"] += forward
                since["nfe_backward"] += backward
            if part.looked_at:
                self._record_progress(part.end, {key: value / part.since for key, value in since.items()})
                since.update(dict.fromkeys(since, 0.0))

    def _step_of(self, optimiser: torch.optim.Optimizer) -> Callable[[int], GraphedStep]:
        """Return what gives the training step of a horizon: on a GPU the present horizon's is a graph."""

        @lru_cache(maxsize=1)
        def step_of(horizon: int) -> GraphedStep:
            def losses(values: Tensor, index: Tensor, normal: Tensor) -> tuple[Tensor]:
                return (self.loss(Observations(values, index), normal, horizon),)

            return GraphedStep(losses, optimiser)

        return step_of

    def _horizon(self, iteration: int) -> int:
        """Return how many points the latent-variable models are to explain at an iteration."""
        grown = iteration / max(self.settings.growing_part * self.settings.iterations, 1)
        first = self.settings.first_horizon
        return min(round(self.grid.observed * (first + (1 - first) * grown)), self.grid.observed)

    def loss(self, seen: Observations, normal: Tensor, horizon: int) -> Tensor:
        """Return the training loss of a batch in nats, as :func:`training_loss` does."""
        noise_std = self.noise_std / self.scale
        return training_loss(self.model, seen, self.grid, normal, noise_std=noise_std, horizon=horizon)

    def _record_progress(self, done: int, means: dict[str, float]) -> None:
        """Record means over the iterations since the look before, and the error on validation spirals."""
        loss = means["loss"]
        if not math.isfinite(loss):
            raise FloatingPointError(f"the training loss of {self.variant} is {loss} by iteration {done}")
        meter, axes = self.meter, self.axes | {"iteration": done}
        meter.record("train_loss", loss, "nats", **axes)
        meter.record("seconds_per_iteration", means["seconds"], "s", **axes)
        if isinstance(self.model, LatentODE):
            meter.record("nfe_forward", means["nfe_forward"], "evaluations", **axes)
            meter.record("nfe_backward", means["nfe_backward"], "evaluations", **axes)
        error = self._forecast("validation") - self.sets["validation"].truth
        rmse = _rmse(error[:, self.grid.observed :])
        meter.record("validation_rmse", rmse, "1", **axes)
        meter.progress(done, self.settings.iterations, "iterations", train_loss=loss, validation_rmse=rmse)

    @torch.no_grad()
    def _forecast(self, name: str) -> Tensor:
        return forecast(self.model, self.seen[name], self.grid) * self.scale

    def measure_errors(self) -> None:
        """Record the RMSE on test spirals, in units of their positions, over both coordinates.

        On the observed interval it is taken where all models predict: at the observations but the first. A predicting
        RNN has seen only those before; a latent-variable model has seen all. What only the latter predict, the points
        between the observations, is ``between_rmse``; ``constant_rmse`` is what the mean position of the training
        spirals gets on the further points: worse than that an extrapolation knows nothing.
        """
        found, spirals, index = self._forecast("test"), self.sets["test"], self.seen["test"].index
        observed = torch.zeros(found.shape[:2], dtype=torch.bool, device=found.device)
        observed.scatter_(1, index[:, 1:], True)
        between = torch.ones_like(observed)
        between.scatter_(1, index, False)
        between[:, self.grid.observed :] = False
        constant = self.sets["train"].noisy[:, : self.grid.observed].mean(dim=(0, 1))
        # The truth last: the last value of the headline metric is the one that benchmarks follow.
        for against, positions in (("noisy", spirals.noisy), ("truth", spirals.truth)):
            error, axes = found - positions, self.axes | {"against": against}
            self.meter.record("interpolation_rmse", _rmse(error[observed]), "1", **axes)
            if not isinstance(self.model, NextObservationRNN) and bool(between.any()):
                self.meter.record("between_rmse", _rmse(error[between]), "1", **axes)
            beyond = slice(self.grid.observed, None)
            self.meter.record("extrapolation_rmse", _rmse(error[:, beyond]), "1", **axes)
            self.meter.record("constant_rmse", _rmse(positions[:, beyond] - constant), "1", **axes)

    @torch.no_grad()
    def measure_latent_space(self) -> None:
        """Record how well a linear probe of ``z0`` tells the direction, and what sweeping a coordinate does to it.

        The probe is fitted on training spirals and scored on test spirals; beside it, one of the first observation,
        which tells how much the position gives away.
        """
        train, test = self.sets["train"], self.sets["test"]
        features = {"first-observation": {name: self.seen[name].values[:, 0] for name in ("train", "test")}}
        if not isinstance(self.model, NextObservationRNN):
            means = {name: posterior(self.model, self.seen[name], self.grid)[0] for name in ("train", "test")}
            features["z0"] = means
            score = float(silhouette(means["test"], test.direction))
            self.meter.record("direction_silhouette", score, "1", **self.axes)
            self._sweep(means)
        for probed, values in features.items():
            probe = linear_probe(values["train"], train.direction)
            found = float(accuracy(probe, values["test"], test.direction))
            self.meter.record("direction_accuracy", 100 * found, "%", probed=probed, **self.axes)

    def _sweep(self, means: dict[str, Tensor]) -> None:
        """Sweep every coordinate of ``z0`` over its range on training spirals; keep the one that turns most test ones.

        The coordinate is chosen on training spirals, as the one along which most of them change direction once.
        """
        model, settings = self.model, self.settings
        if isinstance(model, NextObservationRNN):
            return
        observed = self.grid.times[: self.grid.observed]

        def areas(name: str, coordinate: int, values: int) -> Tensor:
            low, high = means["train"][:, coordinate].min(), means["train"][:, coordinate].max()
            along = low + (high - low) * torch.linspace(0, 1, values, dtype=torch.float64, device=low.device)
            chosen = means[name][: settings.sweep_spirals]
            return sweep_areas(lambda z0: model.decode(z0, observed), chosen, coordinate, along)

        def turning(name: str, coordinate: int) -> float:
            return float((sign_changes(areas(name, coordinate, settings.sweep_values)) == 1).double().mean())

        best = max(range(settings.latent), key=lambda coordinate: turning("train", coordinate))
        self.meter.record("sweep_turned_once", 100 * turning("test", best), "%", **self.axes)
        # Halving the spacing of a continuous sweep halves its largest jump; a discontinuous one keeps it.
        coarse, fine = (
            areas("test", best, values) for values in (settings.sweep_values, 2 * settings.sweep_values - 1)
        )
        ratio = float((largest_jump(fine) / largest_jump(coarse)).median())
        self.meter.record("sweep_jump_ratio", ratio, "1", **self.axes)

    def record_pictures(self) -> None:
        """Record what figures 8 to 10 show: the latent ODE at every number of observations, the others at one."""
        counts = self.settings.observations
        middle = self.count == counts[len(counts) // 2]
        shown = (self.seen["test"], self.sets["test"], self.grid, self.scale, self.meter)
        if isinstance(self.model, LatentODE) or middle:
            truth = middle and isinstance(self.model, LatentODE)
            spiral_pictures.record_forecasts(self.model, *shown, truth=truth)
        if isinstance(self.model, LatentODE) and middle:
            spiral_pictures.record_latent_space(self.model, *shown)


def _at(positions: Tensor, index: Tensor) -> Tensor:
    return positions.gather(1, index.unsqueeze(-1).expand(-1, -1, positions.shape[-1]))


def _rmse(error: Tensor) -> float:
    """Return the root of the mean square over everything: trajectories, points and coordinates."""
    return float(error.square().mean().sqrt())
