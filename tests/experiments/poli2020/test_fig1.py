"""Figure 1: the sampling problem, what is fitted, and what the smoke run measures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor

from suite.experiments.poli2020.fig1 import CLASSICAL, FLOWS, HYPER, Fig1
from suite.experiments.poli2020.fig1_flow import SamplingField, SamplingProblem, base_states, new_flow
from suite.experiments.poli2020.fig1_learned import second_order_taylor
from suite.experiments.poli2020.fig1_scores import least_mode_share, sliced_wasserstein
from suite.experiments.poli2020.fig1_settings import Fig1Settings
from suite.models.hypersolvers import nominal_trajectories
from suite.models.steady_flows import SteadyPerceptron
from suite.solvers import solve
from tests.smoke_rows import Rows, rows_by_variant

EXPERIMENT = Fig1()


@pytest.fixture(scope="module")
def smoke_rows(smoke_records: Path) -> Mapping[str, Rows]:
    """The measurements of each variant's smoke cell."""
    return rows_by_variant(smoke_records, "poli2020/fig1")


def of(rows: Rows, metric: str) -> Rows:
    return [row for row in rows if row["metric"] == metric]


def problem() -> SamplingProblem:
    torch.manual_seed(0)
    field = SamplingField(SteadyPerceptron(2, 6)).double().requires_grad_(requires_grad=False)
    starts = base_states(20, torch.Generator().manual_seed(1))
    exact = nominal_trajectories(field, starts, (0.0, 1.0), method="dopri8", tolerance=1e-12)
    return SamplingProblem("rings", field, starts, exact.states[-1])


def test_every_method_samples_every_target(smoke_rows: Mapping[str, Rows]) -> None:
    assert set(smoke_rows) == set(EXPERIMENT.variants)
    for variant in set(EXPERIMENT.variants) - set(FLOWS):
        assert {row["target"] for row in of(smoke_rows[variant], "sample_error")} == set(FLOWS.values())
    for variant in ("euler", "midpoint", "heun", "ralston", "fitted-rk2", "distilled", "hyper-heun"):
        assert len(of(smoke_rows[variant], "error_at_two")) == 4
    assert {row["nfe"] for row in of(smoke_rows["hyper-heun"], "sample_error")} == {2}
    assert {row["nfe"] for row in of(smoke_rows["hyper-euler"], "sample_error")} == {1}
    assert {row["nfe"] for row in of(smoke_rows["rk4"], "sample_error")} == {4, 8}
    assert set(HYPER) < set(EXPERIMENT.variants) > set(CLASSICAL)


def test_sizes_are_the_released_ones_in_every_profile(smoke_rows: Mapping[str, Rows]) -> None:
    rows = smoke_rows["hyper-heun"]
    found = {
        row["metric"]: row["value"] for row in rows if "parameters" in row["metric"] or "field_op" in row["metric"]
    }
    assert found == {"field_parameters": 50_178, "correction_parameters": 5_253, "field_operations": 49_664}
    (correction,) = of(rows, "correction_operations")
    assert correction["value"] == 13 * 64 + 64 * 64 + 64 * 3


def test_trained_flows_are_what_methods_sample(smoke_rows: Mapping[str, Rows]) -> None:
    """The error of Heun at one step is not that of an untrained flow, nor one for all targets."""
    errors = [row["value"] for row in of(smoke_rows["heun"], "error_at_two")]
    assert len(set(errors)) == 4
    assert all(0 < error < 1 for error in errors)


def test_ends_carry_the_change_of_variables() -> None:
    """``log p`` at the end is that at the start minus the logarithm of the Jacobian's determinant."""
    case = problem()

    def end(z: Tensor) -> Tensor:
        states = torch.cat([z, torch.zeros(1, dtype=torch.float64)]).unsqueeze(0)
        found = solve(case.field, states, torch.tensor([0.0, 1.0], dtype=torch.float64), rtol=1e-10, atol=1e-10).states
        assert isinstance(found, Tensor)
        return found[-1, 0, :2]

    for index in range(3):
        jacobian = torch.autograd.functional.jacobian(end, case.starts[index, :2])
        assert isinstance(jacobian, Tensor)
        change = float(case.starts[index, 2] - torch.linalg.det(jacobian).log())
        assert float(case.ends[index, 2]) == pytest.approx(change, abs=1e-7)


def test_base_states_have_the_normal_log_density() -> None:
    states = base_states(5, torch.Generator().manual_seed(0))
    wanted = -states[:, :2].square().sum(dim=1) / 2 - math.log(2 * math.pi)
    torch.testing.assert_close(states[:, 2], wanted)


def test_taylor_step_has_third_order_local_error() -> None:
    case = problem()
    errors = []
    for size in (0.1, 0.05):
        times = torch.tensor([0.0, size], dtype=torch.float64)
        found = solve(case.field, case.starts, times, method=second_order_taylor(case)).states
        exact = nominal_trajectories(case.field, case.starts, (0.0, size), method="dopri8", tolerance=1e-13)
        assert isinstance(found, Tensor)
        errors.append(float((found[-1] - exact.states[-1]).norm()))
    assert math.log2(errors[0] / errors[1]) == pytest.approx(3, abs=0.2)


def test_distances_of_distributions() -> None:
    """A shift by ``d`` moves a projection by ``d cos``, whose mean over the half circle is ``2 d / pi``."""
    points = torch.randn(500, 2, dtype=torch.float64)
    shift = torch.tensor([0.3, 0.0], dtype=torch.float64)
    assert sliced_wasserstein(points, points[torch.randperm(500)]) == pytest.approx(0, abs=1e-12)
    assert sliced_wasserstein(points + shift, points) == pytest.approx(0.6 / math.pi, rel=1e-2)
    angle = torch.arange(5, dtype=torch.float64) * 2 * math.pi / 5
    centres = 4 / 8.25**0.5 * torch.stack([angle.cos(), angle.sin()], dim=1)
    assert least_mode_share(centres.repeat(3, 1), centres) == 3.0
    assert least_mode_share(centres[1:], centres) == 0.0


def test_an_untrained_flow_has_the_released_shape() -> None:
    field = new_flow(Fig1Settings()).field
    assert isinstance(field, SteadyPerceptron)
    assert [layer.out_features for layer in field.linear_layers] == [128, 128, 128, 128, 2]
