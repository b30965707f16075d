"""Tracking: counted evaluations and operations, errors against a closed form, and what the smoke run measures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from suite.experiments.massaroli2020.tracking import signal
from suite.experiments.poli2020.tracking import Tracking
from suite.experiments.poli2020.tracking_measures import absolute_error
from suite.experiments.poli2020.tracking_methods import CLASSICAL, HYPER, evaluations_of, steps_for
from suite.experiments.poli2020.tracking_problem import TrackingProblem
from suite.experiments.poli2020.tracking_settings import TrackedSettings
from suite.solvers import solve
from suite.solvers.hyper import Hypersolver, StepInputs
from tests.smoke_rows import Rows, rows_by_variant

EXPERIMENT = Tracking()


@pytest.fixture(scope="module")
def smoke_rows(smoke_records: Path) -> Mapping[str, Rows]:
    """The measurements of each variant's smoke cell."""
    return rows_by_variant(smoke_records, "poli2020/tracking")


def of(rows: Rows, metric: str, axis: str) -> dict[Any, float]:
    return {row[axis]: row["value"] for row in rows if row["metric"] == metric}


class Relaxation(nn.Module):
    """``z' = beta'(s) - (z - beta(s))``: the distance from the signal is ``exp(-s)`` times that at the start."""

    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        beta = signal(s)
        velocity = 2 * math.pi * torch.stack([-beta[1], beta[0]])
        return velocity + beta - z


def relaxing() -> TrackingProblem:
    z0 = torch.tensor([[1.5, 0.0], [1.0, -0.5]], dtype=torch.float64)
    return TrackingProblem(Relaxation(), z0, 1e-11)


def exact_at(problem: TrackingProblem, s: float) -> Tensor:
    depth = torch.tensor(s, dtype=torch.float64)
    return signal(depth) + math.exp(-s) * (problem.z0 - signal(torch.zeros((), dtype=torch.float64)))


def test_accurate_trajectories_are_the_closed_form() -> None:
    problem = relaxing()
    for s, states in zip(problem.on_grid(5).times, problem.on_grid(5).states, strict=True):
        torch.testing.assert_close(states, exact_at(problem, s), rtol=0, atol=1e-9)


def test_hyper_euler_with_the_closed_residual_has_no_error_and_euler_has_it_all() -> None:
    """``R = (z(s + eps) - z(s) - eps f) / eps^2``, exactly known here at any state."""
    problem = relaxing()

    def residual(inputs: StepInputs) -> Tensor:
        s, step, z, (slope,) = float(inputs.time), float(inputs.step), inputs.state, inputs.stages
        assert isinstance(z, Tensor)
        assert isinstance(slope, Tensor)
        start, end = (signal(torch.tensor(at, dtype=torch.float64)) for at in (s, s + step))
        return (end + math.exp(-step) * (z - start) - z - step * slope) / step**2

    exact = problem.on_grid(8)
    times = torch.tensor(exact.times, dtype=torch.float64)
    errors = {}
    for name, method in (("hyper", Hypersolver("euler", residual)), ("euler", "euler")):
        states = solve(problem.field, problem.z0, times, method=method).states
        assert isinstance(states, Tensor)
        errors[name] = absolute_error(states, exact.states)
    assert float(errors["hyper"].max()) < 1e-9
    first = exact.states[0] + problem.field(times[0], exact.states[0]) / 8
    assert float(errors["euler"][1]) == pytest.approx(float((first - exact.states[1]).abs().mean()))


def test_steps_use_no_more_than_the_evaluations_given() -> None:
    problem = relaxing()
    for variant, method in CLASSICAL.items():
        for evaluations in (4, 7, 12):
            steps = steps_for(variant, evaluations)
            times = torch.tensor([k / steps for k in range(steps + 1)], dtype=torch.float64)
            used = solve(problem.field, problem.z0, times, method=method).statistics.nfe
            assert used == evaluations_of(variant, steps) <= evaluations
            assert evaluations_of(variant, steps + 1) > evaluations


def test_evaluations_are_the_same_for_all_methods_in_every_profile() -> None:
    for settings in map(TrackedSettings.of, EXPERIMENT.profiles.values()):
        assert settings.trained_steps in settings.evaluations
        for variant in (*CLASSICAL, *HYPER):
            assert all(evaluations_of(variant, steps_for(variant, n)) == n for n in settings.evaluations)


def test_every_method_is_measured_at_equal_evaluations_and_operations(smoke_rows: Mapping[str, Rows]) -> None:
    assert set(smoke_rows) == set(EXPERIMENT.variants)
    for variant in (*CLASSICAL, *HYPER):
        rows = smoke_rows[variant]
        assert of(rows, "nfe_used", "nfe") == {4: 4, 8: 8}
        assert set(of(rows, "depth_error", "nfe")) == {4, 8}
        assert all(0 < row["value"] <= 1 + 1e-9 for row in rows if row["metric"] == "operations_share")
        assert {row["batch"] for row in rows if row["metric"] == "equal_operations_error"} == {1, 4}
        assert {row["equal"] for row in rows if row["metric"] == "error_at_depth"} == {"evaluations", "operations"}
    assert of(smoke_rows["hyper-euler-refitted"], "residual_share", "steps").keys() == {4, 8}
    assert of(smoke_rows["hyper-euler"], "residual_share", "steps").keys() == {8}


def test_operations_are_counted_by_hand(smoke_rows: Mapping[str, Rows]) -> None:
    """Eleven functions for every parameter, which a batch shares, then two products; g has two layers."""
    hidden, inputs, width = 6, 2 + 2 + 1 + 1, 3
    correction = inputs * width + width * 2
    field = {n: 11 * (4 * hidden + hidden + 2) / n + 4 * hidden for n in (1, 4)}
    assert of(smoke_rows["field"], "field_operations", "batch") == pytest.approx(field)
    assert of(smoke_rows["field"], "overhead", "batch") == pytest.approx({n: 1 + correction / field[n] for n in field})
    found = {
        (row["nfe"], row["batch"]): row["value"] for row in smoke_rows["hyper-euler"] if row["metric"] == "operations"
    }
    assert found == pytest.approx({(k, n): k * (field[n] + correction) for k in (4, 8) for n in (1, 4)})
