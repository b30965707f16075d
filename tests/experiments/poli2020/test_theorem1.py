"""Theorem 1 of Poli et al. 2020: what the smoke run measures against closed forms, and the corrections' problems."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

from suite.experiments.poli2020.theorem1 import Theorem1
from suite.experiments.poli2020.theorem1_errors import global_errors, local_errors
from suite.experiments.poli2020.theorem1_learned import LESSONS
from suite.experiments.poli2020.theorem1_problems import MeasuredProblem
from suite.experiments.poli2020.theorem1_settings import Theorem1Settings
from suite.models.attractors import Oscillator
from suite.models.parameter_count import parameter_count
from suite.models.steady_flows import SteadyPerceptron
from suite.solvers import find
from tests.smoke_rows import Rows, rows_by_variant

EXPERIMENT = Theorem1()


@pytest.fixture(scope="module")
def smoke_rows(smoke_records: Path) -> Mapping[str, Rows]:
    """The measurements of each variant's smoke cell."""
    return rows_by_variant(smoke_records, "poli2020/theorem1")


def of(rows: Rows, metric: str) -> Rows:
    return [row for row in rows if row["metric"] == metric]


def slope(rows: Rows) -> float:
    logs = np.log([[row["step"], row["value"]] for row in rows])
    return float(np.polyfit(logs[:, 0], logs[:, 1], 1)[0])


def test_every_variant_measures_what_it_is_for(smoke_rows: Mapping[str, Rows]) -> None:
    assert set(smoke_rows) == set(EXPERIMENT.variants)
    for variant in LESSONS:
        for metric in ("held_out_local_error", "predicted_local_error", "delta", "gain", "rollout_error"):
            assert {row["order"] for row in of(smoke_rows[variant], metric)} == {1, 2, 4}
        assert {row["value"] for row in of(smoke_rows[variant], "nominal_solves")} == {1}


def test_local_error_of_a_disturbed_oracle_is_its_disturbance_times_the_power_of_the_step(
    smoke_rows: Mapping[str, Rows],
) -> None:
    rows = of(smoke_rows["oracle"], "local_error")
    assert len(rows) == 3 * 2 * 2
    for row in rows:
        assert row["value"] == pytest.approx(row["delta"] * row["step"] ** (row["order"] + 1), rel=1e-6)
    for bound, error in zip(
        of(smoke_rows["oracle"], "global_bound"), of(smoke_rows["oracle"], "global_error"), strict=True
    ):
        assert error["value"] < bound["value"] < 1e3 * error["value"]
    for row in of(smoke_rows["oracle"], "exact_error"):
        assert row["value"] < 1e-12


@pytest.mark.parametrize("order", [1, 2, 4])
def test_base_solvers_have_their_orders(smoke_rows: Mapping[str, Rows], order: int) -> None:
    for metric, expected in (("local_error", order + 1), ("global_error", order)):
        rows = [row for row in of(smoke_rows["base"], metric) if row["order"] == order]
        finest = sorted(rows, key=lambda row: -row["steps"])[:2]
        assert slope(finest) == pytest.approx(expected, abs=0.3)


def test_fitted_corrections_obey_the_identity_and_count_their_evaluations(smoke_rows: Mapping[str, Rows]) -> None:
    for variant in LESSONS:
        for row in of(smoke_rows[variant], "identity_error"):
            assert row["value"] < 1e-9
    counted = {(row["order"], row["steps"]): row["value"] for row in of(smoke_rows["cost"], "nfe")}
    assert counted == {(order, steps): order * steps for order in (1, 2, 4) for steps in (10, 20)}


def test_overhead_is_that_of_the_layers_counted_by_hand(smoke_rows: Mapping[str, Rows]) -> None:
    field = 2 * 16 + 3 * 16 * 16 + 16 * 2
    for row in of(smoke_rows["cost"], "overhead"):
        width, stages = row["width"], row["order"]
        correction = (2 + 2 * stages + 1) * width + width * width + width * 2
        assert row["value"] == pytest.approx(1 + correction / (stages * field), rel=1e-12)


def test_field_of_the_cost_has_the_released_cnfs_size() -> None:
    assert parameter_count(SteadyPerceptron(2, 128)) == 50_178


def test_frozen_residual_is_exact_at_its_own_step_alone(smoke_rows: Mapping[str, Rows]) -> None:
    gains = {(row["order"], row["multiple"]): row["value"] for row in of(smoke_rows["frozen"], "gain")}
    for order in (1, 2, 4):
        assert gains[order, 1.0] > 1e4
        assert gains[order, 2.0] < 1e3


def test_errors_are_those_of_euler_by_hand_against_scipy() -> None:
    problem = MeasuredProblem("van-der-pol", Oscillator(), torch.tensor([[1.0, -0.5]], dtype=torch.float64), 1 / 32)

    def field(z: np.ndarray) -> np.ndarray:
        return np.array([z[1], (1 - z[0] ** 2) * z[1] - z[0]])

    times = np.linspace(0, 1, 5)
    exact = solve_ivp(lambda _, z: field(z), (0, 1), [1.0, -0.5], t_eval=times, rtol=1e-12, atol=1e-12).y.T
    z = exact[0]
    for _ in range(4):
        z = z + field(z) / 4
    local = [np.linalg.norm(exact[k + 1] - exact[k] - field(exact[k]) / 4) for k in range(4)]
    on_grid = problem.on_grid(4)
    assert problem.on_grid(4) is on_grid
    assert local_errors(problem.field, on_grid, find("euler")).tolist() == pytest.approx(local, rel=1e-7)
    (error,) = global_errors(problem.field, on_grid, find("euler")).tolist()
    assert error == pytest.approx(float(np.linalg.norm(exact[-1] - z)), rel=1e-7)


def test_local_errors_of_a_fine_grid_are_those_of_some_of_its_steps() -> None:
    z0 = torch.tensor([[1.0, -0.5], [0.3, 2.0]], dtype=torch.float64)
    problem = MeasuredProblem("van-der-pol", Oscillator(), z0, 1 / 32)
    exact = problem.on_grid(48)
    found = local_errors(problem.field, exact, find("euler")).view(16, 2)
    states, zero = exact.states, torch.tensor(0.0)
    for index, k in enumerate(range(0, 48, 3)):
        wanted = (states[k + 1] - states[k] - problem.field(zero, states[k]) / 48).norm(dim=1)
        torch.testing.assert_close(found[index], wanted, rtol=1e-9, atol=1e-15)


def test_starts_are_drawn_anew_for_training_and_lie_where_they_should() -> None:
    problem = MeasuredProblem("van-der-pol", Oscillator(), torch.zeros(1, 2, dtype=torch.float64), 1 / 32)
    generator = torch.Generator().manual_seed(0)
    one, other = problem.starts(200, generator), problem.starts(200, generator)
    assert isinstance(one, Tensor)
    assert not torch.equal(one, other)
    assert 1.5 < float(one.abs().max()) <= 2


def test_steps_of_every_profile_are_whole_numbers() -> None:
    for settings in map(Theorem1Settings.of, EXPERIMENT.profiles.values()):
        for grid in settings.grids:
            trained = grid / settings.trained_stride
            for multiple in (*settings.transfers, *settings.fine):
                assert math.isclose(trained * multiple, round(trained * multiple))
            assert all(grid % stride == 0 for stride in settings.strides)
