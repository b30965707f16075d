"""Trainings of latent ODEs whose steps are recorded: nothing stands in the way, and they train as plain ones do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.optim import Adam

from suite.datasets.poisson_events import EventSequences
from suite.datasets.real_series import SERIES
from suite.datasets.series_windows import split
from suite.experiments.chen2018.fig7_training import EventModel, _negative_bound
from suite.experiments.chen2018.spiral_forecasts import Architecture, Grid, Observations, build, training_loss
from suite.experiments.chen2018.time_series_settings import TimeSeriesSettings
from suite.experiments.chen2018.time_series_training import SeriesModel, _network
from suite.models.graphed_step import WARM_UP, GraphedStep
from suite.models.latent import RecognitionNetwork
from suite.models.point_process import LatentIntensity
from tests.solvers.tape_recorder import TapedSteps

Training = tuple[nn.Module, Callable[..., Tensor], list[tuple[Tensor, ...]]]
"""A model, its loss, and the inputs of every step."""

STEPS = WARM_UP + 3


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def events() -> Training:
    """Chen et al. 2018, Fig. 7, with a state for every sequence."""
    intensity = LatentIntensity(
        latent=2, hidden=4, typical_rate=1.0, intervals=5, integral_scale=5.0, method="dopri5", tolerance=1e-3
    )
    model = EventModel(intensity, RecognitionNetwork(0, 2, hidden=4), 1.0).double()
    times = (torch.rand(4, 6, dtype=torch.float64) * 10).sort(dim=1).values
    sequences = EventSequences(times, torch.rand(4, 6) < 0.8, torch.zeros(4, dtype=torch.float64))
    return model, lambda draw: _negative_bound(model, sequences, draw), [(drawn(4, 2),) for _ in range(STEPS)]


def spirals() -> Training:
    """Chen et al. 2018, Table 2."""
    sizes = Architecture(2, 4, 0.1, 4, 4, 4, "dopri5", 1e-3, "direct")
    model, times = build("latent-ode", sizes), torch.linspace(0, 2, 12, dtype=torch.float64)
    grid = Grid(times, 8, times)

    def loss(values: Tensor, index: Tensor, normal: Tensor) -> Tensor:
        return training_loss(model, Observations(values, index), grid, normal, noise_std=0.2, horizon=7)

    inputs: list[tuple[Tensor, ...]] = [
        (drawn(5, 3, 2), torch.rand(5, 8).argsort(dim=1)[:, :3].sort(dim=1).values, drawn(5, 2)) for _ in range(STEPS)
    ]
    return model, loss, inputs


def series() -> Training:
    """The real time series beside Chen et al. 2018."""
    model = SeriesModel(_network("latent-ode", TimeSeriesSettings(tolerance=1e-3)), 4).double()
    windows = split(SERIES["sunspots"], 0.3, torch.Generator().manual_seed(0)).parts["train"]
    few = windows.select(torch.arange(4))
    noise = torch.Generator().manual_seed(1)
    inputs = [(few.values, few.present, *model.read(few, noise)) for _ in range(STEPS)]
    return model, lambda *given: model.negative_bound(windows.times, *given), inputs


@pytest.mark.parametrize("training", [events, spirals, series])
def test_steps_are_recorded_and_train_as_plain_ones(training: Callable[[], Training]) -> None:
    courses, taped = [], TapedSteps()
    for make in (GraphedStep, taped):
        torch.manual_seed(0)
        model, loss, inputs = training()
        optimiser = Adam(model.parameters(), lr=2**-6)
        step = make(lambda *given, loss=loss: (loss(*given),), optimiser, gradient_norm=1.0)
        courses.append([float(step(*given)[0]) for given in inputs])
    ((step, recorder),) = taped.made
    assert step.fallback == ""
    assert courses[1] == pytest.approx(courses[0], rel=1e-8)
    assert recorder.replays == 2 * (STEPS - WARM_UP)
