"""The second-order family: its residual's leading term against closed forms, counted sizes, and the smoke run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from suite.experiments.poli2020.alpha_family import AlphaFamily, image_settings, new_correction
from suite.experiments.poli2020.alpha_measures import released_error
from suite.experiments.poli2020.alpha_prediction import elementary_differentials
from suite.experiments.poli2020.alpha_settings import AlphaSettings
from suite.models.hypersolvers import NominalTrajectories, residual_samples
from suite.models.image_flow import steady_convolutions
from suite.solvers.tableaus import alpha_family
from tests.smoke_rows import Rows, rows_by_variant

EXPERIMENT = AlphaFamily()
ALPHAS = (0.1, 0.5, 2 / 3, 1.0)


@pytest.fixture(scope="module")
def smoke_rows(smoke_records: Path) -> Mapping[str, Rows]:
    """The measurements of each variant's smoke cell."""
    return rows_by_variant(smoke_records, "poli2020/alpha-family")


def of(rows: Rows, metric: str) -> Rows:
    return [row for row in rows if row["metric"] == metric]


class Square(nn.Module):
    """``f(z) = z^2``, solved by ``z / (1 - s z)``; ``f''(f, f) = 2 z^4`` and ``f' f' f = 4 z^4``."""

    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        return z**2


def test_differentials_of_a_square_are_the_closed_forms() -> None:
    z = torch.tensor([[0.5], [-1.5]], dtype=torch.float64)
    found = elementary_differentials(Square(), z)
    torch.testing.assert_close(found.curvature, 2 * z**4)
    torch.testing.assert_close(found.twice, 4 * z**4)


def test_differentials_of_convolutions_are_contractions_of_jacobian_and_hessian() -> None:
    torch.manual_seed(0)
    field = steady_convolutions(2, 3).double()
    z = torch.randn(2, 2, 3, 3, dtype=torch.float64)
    found = elementary_differentials(field, z)
    zero = torch.zeros((), dtype=torch.float64)
    for index in range(len(z)):
        flat = z[index].flatten()

        def f(point: Tensor) -> Tensor:
            value: Tensor = field(zero, point.reshape(1, 2, 3, 3)).flatten()
            return value

        def jacobian(point: Tensor) -> Tensor:
            rows = torch.autograd.functional.jacobian(f, point, create_graph=True)
            assert isinstance(rows, Tensor)
            return rows

        slope = f(flat).detach()
        matrix = jacobian(flat).detach()
        second = torch.autograd.functional.jacobian(jacobian, flat)
        assert isinstance(second, Tensor)
        torch.testing.assert_close(found.twice[index].flatten(), matrix @ matrix @ slope)
        torch.testing.assert_close(found.curvature[index].flatten(), second @ slope @ slope)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_residual_tends_to_its_leading_term_as_the_step(alpha: float) -> None:
    z = torch.tensor([[0.5], [-0.7]], dtype=torch.float64)
    discrepancies = []
    for step in (0.02, 0.01):
        exact = NominalTrajectories((0.0, step), torch.stack([z, z / (1 - step * z)]))
        found = residual_samples(alpha_family(alpha), Square(), exact).residuals
        predicted = elementary_differentials(Square(), z).residual(alpha)
        discrepancies.append(float((found - predicted).abs().max()))
    assert discrepancies[1] < 0.02
    assert math.log2(discrepancies[0] / discrepancies[1]) == pytest.approx(1, abs=0.1)


def test_shift_is_the_difference_of_two_leading_terms() -> None:
    found = elementary_differentials(Square(), torch.tensor([[0.8]], dtype=torch.float64))
    for alpha in ALPHAS:
        torch.testing.assert_close(found.shift(alpha, 0.5), found.residual(alpha) - found.residual(0.5))


def test_released_error_subtracts_the_last_sample() -> None:
    exact = torch.tensor([[2.0, 4.0], [1.0, 5.0]], dtype=torch.float64).reshape(2, 2, 1, 1)
    assert released_error(exact.float(), exact) == pytest.approx((1 / 2 + 1 / 4) / 4)


def test_members_are_those_of_the_claims_in_every_profile() -> None:
    for settings in map(AlphaSettings.of, EXPERIMENT.profiles.values()):
        assert settings.trained_alpha in settings.alphas
        assert set(settings.refitted_alphas) <= set(settings.alphas)
    paper = EXPERIMENT.profiles["paper"]
    assert isinstance(paper, AlphaSettings)
    assert len(paper.alphas) == 20
    assert paper.residual_steps[0] == image_settings("paper").fit_steps


def test_correction_has_two_convolutions() -> None:
    kinds = [type(layer) for layer in new_correction(8, 24).network.modules() if not isinstance(layer, nn.Sequential)]
    assert kinds == [nn.Conv2d, nn.ReLU, nn.Conv2d]


def test_sizes_are_the_released_ones_in_every_profile(smoke_rows: Mapping[str, Rows]) -> None:
    for rows in smoke_rows.values():
        found = {row["metric"]: row["value"] for row in rows if row["metric"].endswith("_published")}
        assert found["correction_parameters_published"] == 80_440
        assert found["correction_operations_published"] == pytest.approx(62.97, abs=0.005)
        assert found["overhead_published"] == pytest.approx(1.882, abs=5e-4)


def test_every_member_is_measured_and_classical_methods_get_no_more_operations(smoke_rows: Mapping[str, Rows]) -> None:
    assert set(smoke_rows) == set(EXPERIMENT.variants)
    for variant, alphas in (("base", {0.1, 0.5, 1.0}), ("hyper-midpoint", {0.1, 0.5, 1.0}), ("refitted", {1.0})):
        assert {row["alpha"] for row in of(smoke_rows[variant], "relative_error")} == alphas
    for variant in ("rk4", "base", "hyper-midpoint"):
        (share,) = of(smoke_rows[variant], "operations_share")
        assert 0.8 < share["value"] <= 1


def test_residuals_of_the_trained_field_are_near_the_prediction(smoke_rows: Mapping[str, Rows]) -> None:
    rows = of(smoke_rows["base"], "residual_discrepancy")
    by_step = {step: max(row["value"] for row in rows if row["step"] == step) for step in (1 / 9, 1 / 18)}
    assert by_step[1 / 18] < by_step[1 / 9] < 1
    assert {row["alpha"] for row in of(smoke_rows["base"], "shift_ratio")} == {0.1, 1.0}
    deltas = {row["alpha"]: row["value"] for row in of(smoke_rows["hyper-midpoint"], "delta")}
    bounds = {row["alpha"]: row["value"] for row in of(smoke_rows["hyper-midpoint"], "predicted_delta")}
    assert bounds[0.5] == pytest.approx(deltas[0.5])
    assert all(deltas[alpha] <= 1.1 * bounds[alpha] for alpha in deltas)
