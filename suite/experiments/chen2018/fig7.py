"""Figure 7 of Chen et al. 2018: the intensity of a Poisson process, learned from event times in one ODE solve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from suite.datasets.poisson_events import HORIZON, INTENSITIES, EventSequences, sample
from suite.declarations import Cell, Experiment, Meter, Profile, Settings
from suite.experiments.chen2018.fig7_scores import HeldOut, Rate
from suite.experiments.chen2018.fig7_settings import Fig7Settings
from suite.experiments.chen2018.fig7_solves import record_solves
from suite.experiments.chen2018.fig7_training import Stage, new_model, train
from suite.models.point_process import HistogramRate, IntensityPath


class Fig7(Experiment):
    """Held-out log-likelihood and intensity of the latent ODE, between the true intensity and a constant rate.

    ``truth`` scores the intensity that the events came from, ``constant`` the best constant rate, ``histogram`` one
    with bins chosen on a validation set. Every variant sees the same events.
    """

    id = "chen2018/fig7"
    title = "Figure 7: Poisson-process likelihood of a latent ODE, from event times alone"
    variants = ("truth", "constant", "histogram", "latent-ode")
    profiles: ClassVar[Mapping[Profile, Settings]] = {
        "smoke": Fig7Settings(
            train_sequences=20,
            validation_sequences=10,
            test_sequences=20,
            intervals=20,
            tolerance=1e-3,
            iterations=3,
            solve_tolerances=(1e-2, 1e-4),
            drawn_times=11,
        ),
        "quick": Fig7Settings(tolerance=1e-3, iterations=40, solve_tolerances=(1e-2, 1e-3, 1e-4, 1e-5, 1e-6)),
        "laptop": Fig7Settings(tolerance=1e-4, iterations=400),
        "paper": Fig7Settings(),
    }
    headline = "test_nll_mean"
    paper_cost = "estimated, not measured: 1 GPU-hour for all variants of one seed, most of it the host's"

    def run(self, cell: Cell, meter: Meter) -> None:
        """Draw sequences of every intensity, fit one variant to them, and score it on held-out ones."""
        settings = Fig7Settings.of(cell.settings)
        scores = []
        for number, name in enumerate(settings.intensities):
            intensity = INTENSITIES[name]
            generator = meter.generator(f"events of {name}")
            sizes = (settings.train_sequences, settings.validation_sequences, settings.test_sequences)
            training, validation, test = (sample(intensity, count, generator).to(meter.device) for count in sizes)
            # Of a sequence with a phase of its own, one half is observed and the other is scored.
            held_out = HeldOut(intensity, test, HORIZON / 2 if intensity.random_phase else 0.0)
            constant = _histogram(training, bins=1, pseudo_count=0.0)
            if cell.variant == "truth":
                held_out.record_thinning(meter)
                found, rate = held_out.of_truth(), _truth(held_out)
            elif cell.variant == "latent-ode":
                stage = Stage(number, len(settings.intensities))
                found, rate = _latent_ode(training, held_out, settings, meter, stage)
            else:
                chosen = _chosen(training, validation, held_out.start, settings)
                histogram = constant if cell.variant == "constant" else chosen
                meter.record("bins", len(histogram.rates), "1", intensity=name)
                found, rate = histogram.log_likelihood(test.times, held_out.scored, held_out.start), histogram.rate_at
            scores.append(held_out.record_scores(found, constant, meter))
            held_out.record_error(rate, meter)
            if cell.seed == 0:
                held_out.record_picture(rate, settings.drawn_times, meter, with_events=cell.variant == "truth")
        meter.record("test_nll_mean", sum(scores) / len(scores), "nats")


def _truth(held_out: HeldOut) -> Rate:
    return lambda times: held_out.intensity.rate(times, held_out.events.phase.unsqueeze(-1))


def _histogram(events: EventSequences, *, bins: int, pseudo_count: float) -> HistogramRate:
    return HistogramRate.fitted(events.times, events.mask, HORIZON, bins, pseudo_count)


def _chosen(
    training: EventSequences, validation: EventSequences, start: float, settings: Fig7Settings
) -> HistogramRate:
    """Return the histogram of the training events whose bins serve the validation sequences best."""
    candidates = [_histogram(training, bins=bins, pseudo_count=settings.pseudo_count) for bins in settings.bins]
    scored = validation.between(start, HORIZON)
    scores = [float(each.log_likelihood(validation.times, scored, start).mean()) for each in candidates]
    return candidates[scores.index(max(scores))]


def _latent_ode(
    training: EventSequences, held_out: HeldOut, settings: Fig7Settings, meter: Meter, stage: Stage
) -> tuple[Tensor, Rate]:
    """Train the latent ODE; return its held-out log-likelihoods and its intensity along the means of ``q(z0)``."""
    name, test = held_out.intensity.name, held_out.events
    model = new_model(training, held_out.start, settings, meter)
    with meter.wall_time() as seconds:
        course = train(model, training, settings, meter, stage)
    for iteration, loss in course.items():
        meter.record("train_nll", loss, "nats", intensity=name, iteration=iteration)
    meter.record("train_seconds", seconds.value, "s", intensity=name)
    model.eval()
    with torch.no_grad():
        initial = model.initial_states(test)
        path: IntensityPath = model.intensity(HORIZON, initial)
        first = round(held_out.start / path.spacing)
        found = path.log_likelihood(test.times, held_out.scored, first)
    record_solves(model.intensity, initial, test, settings.solve_tolerances, name, meter)

    def rate(times: Tensor) -> Tensor:
        with torch.no_grad():
            return path.rate_at(times)

    return found, rate
