import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from suite.datasets.real_series import SERIES
from suite.datasets.series_windows import Windows, split
from suite.experiments.chen2018.time_series import TimeSeries
from suite.experiments.chen2018.time_series_gaussian_process import fitted_kernel, gaussian_process
from suite.experiments.chen2018.time_series_predictions import Prediction, last_value, rmse, seasonal
from suite.experiments.chen2018.time_series_settings import TimeSeriesSettings
from suite.experiments.chen2018.time_series_training import SeriesModel, _network
from tests.smoke_rows import Rows, rows_by_variant

EXPERIMENT = TimeSeries()
LIKELIHOODS = ("gp", "gru-gaps", "rnn-vae", "latent-ode")


@pytest.fixture(scope="module")
def smoke_rows(smoke_records: Path) -> Mapping[str, Rows]:
    """The measurements of each variant's smoke cell."""
    return rows_by_variant(smoke_records, "chen2018/time-series")


def window(values: list[float], readable: list[int], context: int) -> Windows:
    row = torch.tensor([values], dtype=torch.float64)
    mask = torch.tensor([readable]) > 0
    times = torch.arange(len(values), dtype=torch.float64)
    return Windows(times, row, torch.ones_like(mask), mask, context, torch.tensor([0]))


def test_every_variant_is_scored_on_both_tasks_and_says_what_is_missing(smoke_rows: Mapping[str, Rows]) -> None:
    assert set(smoke_rows) == set(EXPERIMENT.variants)
    for variant, rows in smoke_rows.items():
        for metric, there in (("rmse", True), ("nll", variant in LIKELIHOODS)):
            tasks = {row["task"] for row in rows if row["metric"] == metric}
            assert tasks == ({"forecast", "interpolation"} if there else set())
        missing = {row["part"]: row["value"] for row in rows if row["metric"] == "steps_missing"}
        assert missing == {"train": 0, "validation": 0, "test": 0}
        assert sum(row["metric"] == "rmse_mean" for row in rows) == 1


def test_variants_are_scored_on_the_same_values(smoke_rows: Mapping[str, Rows]) -> None:
    counts = [
        {(row["part"], row["task"]): row["value"] for row in rows if row["metric"] == "points_scored"}
        for rows in smoke_rows.values()
    ]
    assert all(each == counts[0] for each in counts)
    assert min(counts[0].values()) > 0


def test_last_value_and_season_are_what_they_say() -> None:
    windows = window([1, 2, 3, 4, 5, 6, 7, 8], [0, 1, 1, 0, 1, 0, 0, 0], context=6)
    assert last_value(windows).mean.tolist() == [[2, 2, 3, 3, 5, 5, 5, 5]]
    # One period of 3 before; before that is possible, one after; where it may not be read, the nearest that may.
    assert seasonal(windows, 3.0).mean[0, [0, 1, 4, 5, 7]].tolist() == [3, 5, 2, 3, 5]
    assert rmse(last_value(windows), windows, "forecast") == pytest.approx(math.sqrt((4 + 9) / 2))


def test_density_of_a_prediction_is_that_of_the_mixture() -> None:
    draws = torch.tensor([[[0.0, 1.0]], [[2.0, -1.0]]], dtype=torch.float64)
    prediction = Prediction(draws.mean(0), draws, torch.tensor(0.7))
    values = torch.tensor([[0.3, 0.1]], dtype=torch.float64)
    found = prediction.log_density(values)
    expected = [
        math.log(0.5 * stats.norm(a, 0.7).pdf(value) + 0.5 * stats.norm(b, 0.7).pdf(value))
        for a, b, value in ((0, 2, 0.3), (1, -1, 0.1))
    ]
    assert found is not None
    assert found[0].tolist() == pytest.approx(expected, rel=1e-6)
    assert Prediction(draws.mean(0)).log_density(values) is None


def test_gaussian_process_is_the_conditional_of_a_joint_normal_distribution() -> None:
    data = split(SERIES["sunspots"], 0.3, torch.Generator().manual_seed(0))
    kernel = fitted_kernel(data, 25)
    windows = data.parts["test"].select(torch.tensor([0]))
    found = gaussian_process(kernel, windows)
    times, read = windows.times.unsqueeze(-1).numpy(), windows.readable[0].numpy()
    own, cross, prior = kernel(times[read]), kernel(times, times[read]), kernel(times)
    weights = np.linalg.solve(own, cross.T).T
    mean = weights @ windows.values[0].numpy()[read]
    variance = np.diag(prior - weights @ cross.T)
    # At times that are read the noise is drawn anew, so that they are compared too.
    assert found.mean[0].tolist() == pytest.approx(mean.tolist(), abs=1e-6)
    assert found.std is not None
    assert (found.std[0, 0] ** 2).tolist() == pytest.approx(variance.tolist(), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("variant", ["gru-gaps", "rnn-vae", "latent-ode"])
def test_predictions_do_not_depend_on_values_that_are_asked_for(variant: str) -> None:
    settings = TimeSeriesSettings(tolerance=1e-3)
    torch.manual_seed(0)
    model = SeriesModel(_network(variant, settings), settings.latent).to(torch.float64)
    windows = split(SERIES["sunspots"], 0.3, torch.Generator().manual_seed(0)).parts["test"]
    hidden = windows.targets("forecast") | windows.targets("interpolation")
    other = Windows(
        windows.times, torch.where(hidden, 99.0, windows.values), windows.present, windows.readable, 33, windows.starts
    )
    one, two = (model.predict(each, 2, torch.Generator().manual_seed(1)).mean for each in (windows, other))
    assert torch.equal(one, two)


def test_paper_profile_is_the_declared_setting() -> None:
    assert EXPERIMENT.profiles["paper"] == TimeSeriesSettings()
    assert all(note.source or note.ours for note in TimeSeriesSettings.notes())
