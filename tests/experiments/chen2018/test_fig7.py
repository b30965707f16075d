from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from scipy import integrate

from suite.datasets.poisson_events import HORIZON, INTENSITIES, sample
from suite.experiments.chen2018.fig7 import Fig7, _chosen
from suite.experiments.chen2018.fig7_scores import HeldOut
from suite.experiments.chen2018.fig7_settings import Fig7Settings
from suite.models.point_process import HistogramRate
from tests.smoke_rows import Rows, rows_by_variant

EXPERIMENT = Fig7()


@pytest.fixture(scope="module")
def smoke_rows(smoke_records: Path) -> Mapping[str, Rows]:
    """The measurements of each variant's smoke cell."""
    return rows_by_variant(smoke_records, "chen2018/fig7")


def by_intensity(rows: Rows, metric: str) -> dict[str, float]:
    return {row["intensity"]: row["value"] for row in rows if row["metric"] == metric}


def held_out(name: str, count: int, start: float) -> HeldOut:
    return HeldOut(INTENSITIES[name], sample(INTENSITIES[name], count, torch.Generator().manual_seed(5)), start)


def test_every_variant_is_scored_on_every_intensity(smoke_rows: Mapping[str, Rows]) -> None:
    assert set(smoke_rows) == set(EXPERIMENT.variants)
    for rows in smoke_rows.values():
        for metric in ("test_nll", "excess_nll", "excess_nll_error", "share_of_gain", "intensity_error"):
            assert set(by_intensity(rows, metric)) == set(INTENSITIES)
        assert sum(row["metric"] == "test_nll_mean" for row in rows) == 1
    assert {row["tolerance"] for row in smoke_rows["latent-ode"] if row["metric"] == "integral_error"} == {1e-2, 1e-4}


def test_scores_are_measured_from_the_truth_and_the_constant_rate_on_the_same_events(
    smoke_rows: Mapping[str, Rows],
) -> None:
    truth, constant = smoke_rows["truth"], smoke_rows["constant"]
    assert set(by_intensity(truth, "excess_nll").values()) == {0.0}
    assert set(by_intensity(truth, "intensity_error").values()) == {0.0}
    assert by_intensity(constant, "share_of_gain") == pytest.approx(dict.fromkeys(INTENSITIES, 0.0), abs=1e-12)
    assert set(by_intensity(constant, "bins").values()) == {1}
    for name, excess in by_intensity(constant, "excess_nll").items():
        difference = by_intensity(constant, "test_nll")[name] - by_intensity(truth, "test_nll")[name]
        assert excess == pytest.approx(difference, abs=1e-9)


def test_integral_of_the_solve_is_as_accurate_as_its_tolerance(smoke_rows: Mapping[str, Rows]) -> None:
    for row in smoke_rows["latent-ode"]:
        if row["metric"] == "integral_error":
            assert row["value"] < 10 * row["tolerance"]


def test_mean_log_likelihood_of_the_truth_is_its_expectation() -> None:
    for name in INTENSITIES:
        case = held_out(name, 2_000, 0.0)
        found = case.of_truth()
        expected = case.intensity.expected_log_likelihood(0.0, HORIZON, case.events.phase).mean()
        assert abs(float(found.mean() - expected)) < 3.3 * float(found.std()) / 2_000**0.5


def test_prediction_of_bayes_is_a_density_and_lies_between_ignorance_and_knowledge() -> None:
    """With no observed part it is the likelihood under a random phase, here by scipy's quadrature."""
    case = held_out("random-phase", 3, 0.0)
    for sequence, value in enumerate(case.attainable().tolist()):
        times = case.events.times[sequence][case.events.mask[sequence]]

        def likelihood(turn: float, times: torch.Tensor = times) -> float:
            phase = torch.tensor(2 * torch.pi * turn, dtype=torch.float64)
            logs = case.intensity.rate(times, phase).log().sum()
            return float(torch.exp(logs - case.intensity.integral(0.0, HORIZON, phase.unsqueeze(0))[0]))

        mass, _ = integrate.quad(likelihood, 0, 1, limit=200, epsrel=1e-9)
        assert value == pytest.approx(float(torch.tensor(mass).double().log()), abs=1e-6)
    half = held_out("random-phase", 300, HORIZON / 2)
    known, attainable = half.of_truth().mean(), half.attainable().mean()
    blind = HistogramRate(torch.tensor([4.0], dtype=torch.float64), HORIZON)
    ignorant = blind.log_likelihood(half.events.times, half.scored, half.start).mean()
    assert ignorant < attainable < known


def test_bins_of_the_histogram_are_chosen_on_validation_sequences_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    training, validation = (sample(INTENSITIES["two-bumps"], 20, generator) for _ in range(2))
    settings = Fig7Settings(bins=(2, 16, 1_000), pseudo_count=0.5)
    chosen = _chosen(training, validation, 0.0, settings)
    assert len(chosen.rates) == 16
    assert len(_chosen(training, training, 0.0, settings).rates) == 1_000


def test_paper_profile_is_the_declared_setting() -> None:
    assert EXPERIMENT.profiles["paper"] == Fig7Settings()
    assert all(note.source or note.ours for note in Fig7Settings.notes())
