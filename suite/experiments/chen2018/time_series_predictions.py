"""Predictions of real series, and their scores at held-out times."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from suite.datasets.series_windows import SplitSeries, Windows
from suite.declarations import Axis, Meter
from suite.experiments.rounding import significant
from suite.models.latent import gaussian_log_density

TASKS = ("forecast", "interpolation")


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a method says of every time of every window.

    Attributes:
        mean: Predictive means, shape ``[n, m]``.
        draws: Means of the components of a Gaussian mixture, shape ``[draws, n, m]``; None without a likelihood.
        std: Standard deviation of every component, broadcastable to ``draws``.
    """

    mean: Tensor
    draws: Tensor | None = None
    std: Tensor | None = None

    def log_density(self, values: Tensor) -> Tensor | None:
        """Return the logarithm of the predictive density at values of shape ``[n, m]``; None without a likelihood."""
        if self.draws is None or self.std is None:
            return None
        return gaussian_log_density(values, self.draws, self.std).logsumexp(0) - math.log(len(self.draws))


def last_value(windows: Windows) -> Prediction:
    """Return the last value that may be read before each time, or the first one after where there is none."""
    index = torch.arange(len(windows.times), device=windows.values.device).expand_as(windows.readable)
    last = torch.where(windows.readable, index, -1).cummax(dim=1).values
    first = windows.readable.int().argmax(dim=1, keepdim=True)
    return Prediction(windows.values.gather(1, torch.where(last >= 0, last, first)))


def seasonal(windows: Windows, period: float) -> Prediction:
    """Return the value one period before each time, or after it where the window starts later.

    Where that value may not be read, the one nearest to it that may is taken.
    """
    device = windows.values.device
    steps = torch.arange(len(windows.times), dtype=torch.float64, device=device)
    wanted = torch.where(steps >= period, steps - period, steps + period)
    while bool((late := wanted >= windows.context).any()):
        wanted = torch.where(late, wanted - period, wanted)
    distance = (wanted.unsqueeze(-1) - steps).abs().expand(len(windows), -1, -1)
    distance = torch.where(windows.readable.unsqueeze(1), distance, torch.inf)
    return Prediction(windows.values.gather(1, distance.argmin(-1)))


def rmse(prediction: Prediction, windows: Windows, task: str) -> float:
    """Return the root of the mean squared error over all scored times of all windows."""
    error = (prediction.mean - windows.values)[windows.targets(task)]
    return float((error**2).mean().sqrt())


def record_scores(prediction: Prediction, windows: Windows, series: str, meter: Meter) -> float:
    """Record errors and negative log densities at the held-out times of both tasks; return the mean error."""
    errors = []
    for task in TASKS:
        errors.append(rmse(prediction, windows, task))
        meter.record("rmse", errors[-1], "standard deviations", series=series, task=task)
        densities = prediction.log_density(windows.values)
        if densities is not None:
            meter.record("nll", -float(densities[windows.targets(task)].mean()), "nats", series=series, task=task)
    return sum(errors) / len(errors)


def record_sizes(data: SplitSeries, meter: Meter) -> None:
    """Record what there is of a series, what is really missing, what is held out, and what is scored."""
    name = data.series.name
    meter.record("scale", data.scale, data.series.unit, series=name)
    for part, windows in data.parts.items():
        axes = {"series": name, "part": part}
        meter.record("steps_total", data.sizes[part], "steps", **axes)
        meter.record("steps_missing", data.missing[part], "steps", **axes)
        meter.record("windows", len(windows), "windows", **axes)
        for task in TASKS:
            meter.record("points_scored", int(windows.targets(task).sum()), "values", task=task, **axes)


def record_picture(prediction: Prediction, windows: Windows, series: str, meter: Meter, *, with_data: bool) -> None:
    """Record the prediction for the last window along time, and the data where asked."""
    shown = len(windows) - 1
    times = windows.times.tolist()
    for time, value in zip(times, prediction.mean[shown].tolist(), strict=True):
        meter.record("predicted", significant(value, 4), "standard deviations", series=series, t=significant(time, 4))
    if with_data:
        kinds = {"read": windows.readable[shown]} | {task: windows.targets(task)[shown] for task in TASKS}
        for kind, mask in kinds.items():
            for index in torch.nonzero(mask).flatten().tolist():
                axes: dict[str, Axis] = {"series": series, "t": significant(times[index], 4), "kind": kind}
                meter.record(
                    "observed", significant(float(windows.values[shown, index]), 4), "standard deviations", **axes
                )
