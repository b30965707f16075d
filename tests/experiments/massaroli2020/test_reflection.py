"""The reflection: its floor against isotonic regression, its grids, and what the trained models record."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.isotonic import IsotonicRegression
from torch import Tensor, nn

from suite.experiments.massaroli2020.fig5 import Fig5, adaptive_model
from suite.experiments.massaroli2020.fig5_paths import _crossings
from suite.experiments.massaroli2020.fig5_settings import Fig5Settings
from suite.experiments.massaroli2020.reflection import Reflection, ReflectionSettings, reflecting_model
from suite.experiments.massaroli2020.reflection_grid import crossings, floor, grid, held_out_grid
from suite.models import parameter_count
from tests.smoke_rows import Rows, rows_by_variant

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def smoke_rows(smoke_records: Path) -> Mapping[tuple[str, str], Rows]:
    """The measurements of each variant's smoke cell, by artefact and variant."""
    return {
        (artefact, variant): rows
        for artefact in ("reflection", "fig5")
        for variant, rows in rows_by_variant(smoke_records, f"massaroli2020/{artefact}").items()
    }


@pytest.mark.parametrize("points", [2, 7, 100])
def test_floor_is_the_error_of_isotonic_regression(points: int) -> None:
    x = grid(points, CPU)
    numbers = x.squeeze(1).numpy()
    fitted = IsotonicRegression().fit_transform(numbers, -numbers)
    assert floor(x) == pytest.approx(float(np.mean((fitted + numbers) ** 2)), rel=1e-12)
    assert floor(x) == pytest.approx((points + 1) / (points - 1) / 3, rel=1e-12)


def test_held_out_numbers_lie_between_those_of_the_training() -> None:
    x, unseen = grid(11, CPU), held_out_grid(11, CPU)
    assert unseen.shape == (40, 1)
    assert float((unseen - x.T).abs().min()) == pytest.approx(0.2 / 5)
    assert float(unseen.abs().max()) < 1


def test_crossings_count_neighbours_that_change_their_order_on_the_way() -> None:
    paths = torch.tensor([[0.0, 1.0, 2.0, 3.0], [0.0, 2.5, 2.0, 3.0], [0.0, 1.0, 2.0, 2.0]])
    assert crossings(paths) == 2
    assert crossings(paths[:1]) == 0


@pytest.mark.parametrize(
    ("variant", "parameters"), [("vanilla", 193), ("depth-concatenated", 257), ("data-controlled", 257)]
)
def test_networks_are_those_of_the_tutorial(variant: str, parameters: int) -> None:
    assert parameter_count(reflecting_model(variant, ReflectionSettings())) == parameters


def test_every_model_maps_numbers_to_numbers_and_is_trained_in_all_of_its_parameters() -> None:
    settings = ReflectionSettings(hidden=4)
    x = grid(5, CPU)
    for variant in Reflection.variants:
        model = reflecting_model(variant, settings).double()
        path = model.path(x, (0.0, 0.5, 1.0))
        assert path.shape == (3, 5, 1)
        if variant != "augmented":
            torch.testing.assert_close(path[0], x)
        torch.testing.assert_close(path[-1], model(x), rtol=1e-3, atol=1e-3)
        model(x).sum().backward()
        assert all(parameter.grad is not None for parameter in model.parameters()), variant


def test_perceptron_has_as_many_parameters_as_the_adaptive_model() -> None:
    settings = Fig5Settings()
    counts = {variant: parameter_count(adaptive_model(variant, settings)) for variant in Fig5.variants}
    # A field 2-64-1 and a network 1-16-1 of the depth.
    assert counts["depth-varying"] == 257 + 49
    assert abs(counts["mlp"] - counts["depth-varying"]) <= 2
    assert counts["autonomous-signed"] == counts["autonomous-positive"] == 193 + 49


def test_paths_are_compared_at_depths_that_both_reach() -> None:
    """Two starts that meet after half a unit of depth cross if both go so far, and in this direction."""

    class Towards(nn.Module):
        def forward(self, s: Tensor, z: Tensor) -> Tensor:
            return torch.tensor([[1.0], [-1.0]], dtype=torch.float64)

    settings = Fig5Settings(common_depths=21, path_tolerance=1e-6)
    x = torch.tensor([[0.0], [1.0]], dtype=torch.float64)
    for depths, crossed in (((2.0, 3.0), 1), ((2.0, 0.3), 0), ((0.3, 2.0), 0), ((-2.0, -2.0), 0), ((-2.0, 2.0), 0)):
        assert _crossings(Towards(), x, torch.tensor(depths, dtype=torch.float64), settings) == crossed


def test_records_hold_what_claims_and_figures_need(smoke_rows: Mapping[tuple[str, str], Rows]) -> None:
    for variant in Reflection.variants:
        rows = smoke_rows["reflection", variant]
        single = {row["metric"]: row["value"] for row in rows}
        assert {"mse", "held_out_mse", "excess", "held_out_excess", "crossings", "largest_end", "parameters"} <= set(
            single
        )
        assert single["excess"] == pytest.approx(single["mse"] - single["floor"])
        assert sum(row["metric"] == "state" for row in rows) == 3 * 5
        if variant not in ("augmented", "data-controlled"):
            assert single["crossings"] == 0
            assert single["excess"] > -1e-3
    for variant in Fig5.variants:
        rows = smoke_rows["fig5", variant]
        errors = [row["value"] for row in rows if row["metric"] == "mse"]
        single = {row["metric"]: row["value"] for row in rows}
        assert len(errors) == 2
        assert single["best_mse"] == min(errors)
        assert single["success_rate"] == 0
        if variant != "mlp":
            assert single["crossings"] == 0
            assert single["largest_depth"] - single["smallest_depth"] == pytest.approx(single["depth_range"])
            assert sum(row["metric"] == "path_state" for row in rows) == 9
