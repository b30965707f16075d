"""What Fig. 4 measures of trained flows: likelihoods, mass, samples and where paths of two conditions meet."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from suite.declarations import Meter
from suite.experiments.massaroli2020.fig4_settings import Fig4Settings
from suite.experiments.planar_points import sliced_wasserstein, square_grid
from suite.models.conditional_flow import ClassDensities
from suite.models.flows import gaussian_samples

LogDensity = Callable[[int, Tensor], Tensor]
"""From a class and points ``[n, 2]`` to its log-density there, shape ``[n]``."""


def true_log_density(settings: Fig4Settings) -> LogDensity:
    """Return the densities that the data are drawn from."""
    targets = list(settings.targets().values())
    return lambda label, x: targets[label].log_density(x)


def record_likelihoods(density: LogDensity, test: Tensor, settings: Fig4Settings, meter: Meter, *, mixed: bool) -> None:
    """Record held-out negative log-likelihoods of each class, and of all classes together.

    Args:
        density: The densities to score.
        test: Held-out points, shape ``[classes, n, 2]``.
        settings: The settings.
        meter: What to record with.
        mixed: Whether the mixture is the mean of class densities, and not what each of them is.
    """
    truth = true_log_density(settings)
    means = []
    for label, (name, x) in enumerate(zip(settings.targets(), test, strict=True)):
        nll = -float(density(label, x).double().mean())
        meter.record("test_nll", nll, "nats", target=name)
        # The mean of log(p / q) over samples of p: an estimate of the Kullback-Leibler divergence.
        meter.record("excess_nll", nll + float(truth(label, x).mean()), "nats", target=name)
        means.append(nll)
    meter.record("test_nll_mean", sum(means) / len(means), "nats")
    everything = test.flatten(0, 1)
    nll = -float((_mixture(density, everything, len(test)) if mixed else density(0, everything).double()).mean())
    meter.record("mixture_nll", nll, "nats")
    meter.record("excess_mixture_nll", nll + float(_mixture(truth, everything, len(test)).mean()), "nats")


def _mixture(density: LogDensity, x: Tensor, classes: int) -> Tensor:
    logs = torch.stack([density(label, x).double() for label in range(classes)])
    return logs.logsumexp(dim=0) - math.log(classes)


def record_mass(density: LogDensity, names: Sequence[str], settings: Fig4Settings, meter: Meter) -> None:
    """Record the integral of each density over a square, by the midpoint rule: 1 for a density."""
    grid = square_grid(settings.half_width, settings.mass_side, meter.device)
    area = (2 * settings.half_width / settings.mass_side) ** 2
    for label, name in enumerate(names):
        mass = float(density(label, grid).double().exp().sum()) * area
        meter.record("mass", mass, "1", target=name)
        meter.record("mass_error", abs(mass - 1), "1", target=name)


def record_samples(samples: Tensor, test: Tensor, settings: Fig4Settings, meter: Meter) -> None:
    """Record whether samples of a class are like its data and like no other's.

    ``recognised`` is the share of samples that Bayes' rule with the true densities gives to their class;
    ``recognised_share`` is that over the share of true data, which is not 1, as the targets lie over each other.

    Args:
        samples: Samples of every class, shape ``[classes, n, 2]``.
        test: Held-out points, shape ``[classes, m, 2]`` with ``m >= n``.
        settings: The settings.
        meter: What to record with.
    """
    truth = true_log_density(settings)
    for label, name in enumerate(settings.targets()):
        mine, data = samples[label], test[label, : samples.shape[1]]
        meter.record("sliced_wasserstein", sliced_wasserstein(mine, data), "length", target=name)
        shares = [
            float((torch.stack([truth(each, x) for each in range(len(test))]).argmax(0) == label).double().mean())
            for x in (mine, data)
        ]
        meter.record("recognised", 100 * shares[0], "%", target=name)
        meter.record("recognised_share", shares[0] / shares[1], "1", target=name)


def draw_samples(model: ClassDensities, settings: Fig4Settings, meter: Meter) -> Tensor:
    """Carry the same samples of the base to every class, shape ``[classes, n, 2]``."""
    base = gaussian_samples(settings.samples, generator=meter.generator("base"), dtype=torch.float32).to(meter.device)
    return torch.stack([model.flow(label, base).sample(base) for label in range(model.classes)])


def record_meetings(model: ClassDensities, test: Tensor, settings: Fig4Settings, meter: Meter) -> None:
    """Record how far apart at the base are the paths of two conditions that meet in a data point.

    One flow has one path through a point: there the distance is zero.
    """
    points = test[:, : settings.exact_points].flatten(0, 1)
    bases = torch.stack([_to_base(model, label, points) for label in range(model.classes)])
    gaps = [
        (bases[one] - bases[other]).norm(dim=1) for one in range(model.classes) for other in range(one, model.classes)
        if one != other
    ]  # fmt: skip
    meter.record("meeting_distance", float(torch.stack(gaps).mean()), "length")


def _to_base(model: ClassDensities, label: int, x: Tensor) -> Tensor:
    flow = model.flow(label, x)
    return flow.transport(x, torch.zeros_like(x[:, 0]), (flow.end_time, 0.0))[0][-1]
