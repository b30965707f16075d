"""The latent ODE of Chen et al. 2018 on real time series with gaps, which the paper does not try."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from suite.datasets.real_series import SERIES
from suite.datasets.series_windows import SplitSeries, Windows, split
from suite.declarations import Cell, Experiment, Meter, Profile, Settings
from suite.experiments.chen2018.time_series_gaussian_process import fitted_kernel, gaussian_process
from suite.experiments.chen2018.time_series_predictions import (
    Prediction,
    last_value,
    record_picture,
    record_scores,
    record_sizes,
    seasonal,
)
from suite.experiments.chen2018.time_series_settings import TimeSeriesSettings
from suite.experiments.chen2018.time_series_training import new_model, train


class TimeSeries(Experiment):
    """Forecasts and interpolations of real series by the latent ODE and by what one would use instead.

    Every method reads the same values of a window: its context, of which the missing weeks of ``co2`` are really
    missing and a share is held out at random, which is an artificial gap. It is scored on the values held out and on
    those after the context. All choices are made on the training and validation parts, which end before the test part.
    """

    id = "chen2018/time-series"
    title = "Beyond the paper: the latent ODE on real time series with gaps"
    variants = ("last-value", "seasonal", "gp", "gru-gaps", "rnn-vae", "latent-ode")
    profiles: ClassVar[Mapping[Profile, Settings]] = {
        "smoke": TimeSeriesSettings(
            series=("sunspots",), tolerance=1e-3, iterations=2, batch_size=8, validate_every=2, draws=2, gp_points=30
        ),
        "quick": TimeSeriesSettings(tolerance=1e-3, iterations=20, validate_every=20, gp_points=100),
        "laptop": TimeSeriesSettings(tolerance=1e-4, iterations=600),
        "paper": TimeSeriesSettings(),
    }
    headline = "rmse_mean"
    paper_cost = "estimated, not measured: 3 GPU-hours for all variants of one seed, most of it the host's"

    def run(self, cell: Cell, meter: Meter) -> None:
        """Fit one method to each series and score it on the last part."""
        settings = TimeSeriesSettings.of(cell.settings)
        errors = []
        for number, name in enumerate(settings.series):
            data = split(SERIES[name], settings.held_out, meter.generator(f"held out of {name}"))
            record_sizes(data, meter)
            test = data.parts["test"].to(meter.device)
            prediction = _predicted(cell.variant, data, test, number, settings, meter)
            errors.append(record_scores(prediction, test, name, meter))
            if cell.seed == 0:
                record_picture(prediction, test, name, meter, with_data=cell.variant == "last-value")
        meter.record("rmse_mean", sum(errors) / len(errors), "standard deviations")


def _predicted(
    variant: str, data: SplitSeries, test: Windows, number: int, settings: TimeSeriesSettings, meter: Meter
) -> Prediction:
    if variant == "last-value":
        return last_value(test)
    if variant == "seasonal":
        return seasonal(test, data.series.period)
    if variant == "gp":
        return gaussian_process(fitted_kernel(data, settings.gp_points), test)
    model = new_model(variant, settings, meter)
    total = len(settings.series) * settings.iterations

    def advanced(iteration: int, error: float) -> None:
        meter.progress(number * settings.iterations + iteration, total, "iterations", validation_rmse=error)

    with meter.wall_time() as seconds:
        train(model, data, settings, meter, advanced)
    meter.record("train_seconds", seconds.value, "s", series=data.series.name)
    model.eval()
    return model.predict(test, settings.draws, meter.generator(f"noise of {data.series.name}"))
