import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import LinearConstraint, minimize

from suite.experiments.massaroli2020.classified_points import new_classifier, spheres, spirals
from suite.experiments.massaroli2020.higher_order import OSCILLATING, SPHERES_ALONE, SPIRALS_ALONE, HigherOrder
from suite.experiments.massaroli2020.higher_order_settings import HigherOrderSettings
from suite.experiments.massaroli2020.oscillator import PERIOD, _monotone_floor
from suite.models import parameter_count
from tests.smoke_rows import Rows, rows_by_variant

EXPERIMENT = HigherOrder()


@pytest.fixture(scope="module")
def smoke_rows(smoke_records: Path) -> Mapping[str, Rows]:
    """The measurements of each variant's smoke cell."""
    return rows_by_variant(smoke_records, "massaroli2020/higher-order")


def values(rows: Rows, metric: str, axis: str) -> dict[Any, float]:
    return {row[axis]: row["value"] for row in rows if row["metric"] == metric}


def test_every_kind_is_tested_on_its_tasks(smoke_rows: Mapping[str, Rows]) -> None:
    assert set(smoke_rows) == set(EXPERIMENT.variants)
    for variant, rows in smoke_rows.items():
        expected = {"spirals", "spheres"}
        expected -= {"spheres"} if variant in SPIRALS_ALONE else set()
        expected -= {"spirals"} if variant in SPHERES_ALONE else set()
        accuracies = values(rows, "test_accuracy", "task")
        assert set(accuracies) == expected
        (mean,) = (row["value"] for row in rows if row["metric"] == "mean_accuracy")
        assert mean == pytest.approx(sum(accuracies.values()) / len(accuracies))
        assert bool(values(rows, "oscillator_mse", "part")) == (variant in OSCILLATING)


def test_known_oscillator_is_as_exact_as_asked_at_order_2_and_10(smoke_rows: Mapping[str, Rows]) -> None:
    for variant in ("second", "tenth"):
        errors = values(smoke_rows[variant], "scaled_error", "tolerance")
        assert set(errors) == {1e-3, 1e-5, 1e-7}
        assert all(error < 100 * tolerance for tolerance, error in errors.items())
    growth = values(smoke_rows["tenth"], "growth", "order")[10]
    assert growth == pytest.approx(math.exp(PERIOD * math.cos(math.pi / 10)), rel=1e-6)
    assert values(smoke_rows["second"], "growth", "order")[2] == pytest.approx(1.0, abs=1e-9)


def test_first_order_is_above_the_error_of_monotone_paths(smoke_rows: Mapping[str, Rows]) -> None:
    (ratio,) = (row["value"] for row in smoke_rows["first"] if row["metric"] == "over_monotone_floor")
    assert ratio >= 1


def test_monotone_floor_is_the_least_of_a_quadratic_programme() -> None:
    """The best falling sequence, by another optimiser, for a path that falls and rises again."""
    times = np.linspace(0, PERIOD, 9)
    path = np.cos(times)
    falls = LinearConstraint(np.diff(np.eye(9), axis=0), -np.inf, 0)
    best = minimize(lambda q: np.mean((q - path) ** 2), np.linspace(1, -1, 9), constraints=[falls], tol=1e-12).fun
    assert _monotone_floor(torch.from_numpy(path)[:, None, None]) == pytest.approx(best, rel=1e-4)
    assert _monotone_floor(torch.linspace(0, 1, 9).double()[:, None, None]) == pytest.approx(0.0, abs=1e-15)


def test_parameters_of_second_order_are_those_that_the_tutorials_print() -> None:
    for profile in ("quick", "laptop", "paper"):
        settings = HigherOrderSettings.of(EXPERIMENT.profiles[profile])
        assert parameter_count(new_classifier("second", spirals(settings).inputs, settings)) == 460
        assert parameter_count(new_classifier("second", spheres(settings).inputs, settings)) == 657


def test_paper_profile_is_the_declared_setting() -> None:
    assert EXPERIMENT.profiles["paper"] == HigherOrderSettings()
    assert all(note.source or note.ours for note in HigherOrderSettings.notes())
