"""Series of statsmodels: their digests, and windows that read nothing they should not."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from suite.datasets import DamagedFileError
from suite.datasets.real_series import SERIES, RealSeries
from suite.datasets.series_windows import SplitSeries, split


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def made(values: np.ndarray, **changes: object) -> RealSeries:
    """Return a series of given values, without a digest check."""

    class Unchecked(RealSeries):
        def values(self) -> torch.Tensor:
            return torch.from_numpy(values)

    base = dataclasses.asdict(SERIES["sunspots"]) | {"context": 6, "horizon": 2, "stride": 1} | changes
    return Unchecked(**base)


@pytest.mark.parametrize(("name", "total", "missing"), [("co2", 2284, 59), ("elnino", 732, 0), ("sunspots", 309, 0)])
def test_series_are_those_of_their_digest_with_the_missing_values_they_have(
    name: str, total: int, missing: int
) -> None:
    values = SERIES[name].values()
    assert (len(values), int(values.isnan().sum())) == (total, missing)


def test_other_values_are_refused() -> None:
    series = dataclasses.replace(SERIES["sunspots"], read=lambda: np.zeros(309))
    with pytest.raises(
        DamagedFileError, match=r"the series 'sunspots' of statsmodels has digest [0-9a-f]{64}, not 66c8"
    ):
        series.values()


def test_known_values_of_the_series_stand_where_they_should() -> None:
    assert SERIES["co2"].values()[0].item() == pytest.approx(316.1)  # Mauna Loa, 29 March 1958
    assert SERIES["sunspots"].values()[[0, -1]].tolist() == [5.0, 2.9]
    assert SERIES["elnino"].values()[:3].tolist() == [23.11, 24.2, 25.37]  # January to March 1950


@pytest.mark.parametrize("name", SERIES)
def test_parts_follow_each_other_and_no_window_straddles_a_border(name: str) -> None:
    data = split(SERIES[name], 0.3, generator())
    start = 0
    for part in ("train", "validation", "test"):
        windows, end = data.parts[part], start + data.sizes[part]
        assert windows.starts.min() >= start
        assert windows.starts.max() + data.series.length <= end
        start = end
    assert start == len(SERIES[name].values())
    assert sum(data.missing.values()) == int(SERIES[name].values().isnan().sum())


@pytest.mark.parametrize("name", SERIES)
def test_what_is_read_and_what_is_scored_do_not_overlap_and_are_all_there_is(name: str) -> None:
    for windows in split(SERIES[name], 0.3, generator()).parts.values():
        forecast, interpolation = windows.targets("forecast"), windows.targets("interpolation")
        together = windows.readable.int() + forecast.int() + interpolation.int()
        assert torch.equal(together, windows.present.int())
        assert not windows.readable[:, windows.context :].any()
        assert 0.2 < float(interpolation.sum() / windows.present[:, : windows.context].sum()) < 0.4
        values, times, mask = windows.observations()
        assert torch.equal(mask.sum(1), windows.readable.sum(1))
        assert float((values * mask).sum(1).abs().max()) < 1e-9  # centred on what may be read
        assert (times.diff(dim=1)[mask[:, 1:]] > 0).all()


def test_weeks_of_co2_that_are_really_missing_are_neither_read_nor_scored_and_some_are_in_the_test_part() -> None:
    data = split(SERIES["co2"], 0.3, generator())
    assert data.missing == {"train": 54, "validation": 0, "test": 5}
    raw = SERIES["co2"].values()
    windows = data.parts["test"]
    there = torch.stack([~raw[start : start + data.series.length].isnan() for start in windows.starts.tolist()])
    assert torch.equal(windows.present, there)
    assert not there.all()


def test_trend_scale_and_windows_of_training_do_not_depend_on_what_comes_after() -> None:
    values = np.random.default_rng(0).normal(size=100) + np.arange(100.0)
    changed = values.copy()
    changed[60:] += 50.0

    def training(series: np.ndarray) -> tuple[SplitSeries, torch.Tensor]:
        data = split(made(series, trend=1), 0.2, generator())
        return data, data.parts["train"].values

    (one, mine), (other, yours) = training(values), training(changed)
    assert one.scale == other.scale
    assert torch.equal(mine, yours)


def test_no_value_that_may_not_be_read_moves_one_that_may() -> None:
    values = np.random.default_rng(0).normal(size=100)
    windows = split(made(values), 0.3, generator()).parts["test"]
    changed = values.copy()
    changed[int(windows.starts[0]) + 6] += 100.0  # the first value that the first window forecasts
    again = split(made(changed), 0.3, generator()).parts["test"]
    assert torch.equal(windows.values[0][windows.readable[0]], again.values[0][again.readable[0]])
    assert float(again.values[0, 6] - windows.values[0, 6]) > 50


def test_impossible_requests_are_refused() -> None:
    with pytest.raises(ValueError, match="a share in"):
        split(SERIES["sunspots"], 1.0, generator())
    with pytest.raises(ValueError, match="'forecast' or 'interpolation'"):
        split(SERIES["sunspots"], 0.1, generator()).parts["test"].targets("other")
