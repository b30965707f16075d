from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from suite.experiments.chen2018.fig1 import Fig1, Fig1Settings, crossings, ode_path, residual_path
from suite.models.illustrations import ScalarField, random_scalar_field
from tests.smoke_rows import Rows, rows_by_variant

EXPERIMENT = Fig1()


@pytest.fixture(scope="module")
def smoke_rows(smoke_records: Path) -> Mapping[str, Rows]:
    """The measurements of each variant's smoke cell."""
    return rows_by_variant(smoke_records, "chen2018/fig1")


def field(seed: int, steepness: float) -> ScalarField:
    drawn = random_scalar_field(12, length=1.5, reach=5.0, duration=5.0, generator=torch.Generator().manual_seed(seed))
    return drawn.times(steepness)


def test_distance_halves_with_twice_the_layers(smoke_rows: Mapping[str, Rows]) -> None:
    for steepness in (0.9, 4.0):
        distance = {
            row["layers"]: row["value"]
            for row in smoke_rows["residual"]
            if row["metric"] == "sup_distance" and row["steepness"] == steepness
        }
        assert distance[160] == pytest.approx(distance[80] / 2, rel=0.1)
        assert distance[160] < 0.5


def test_paths_cross_in_the_coarse_network_of_the_steep_field_alone(smoke_rows: Mapping[str, Rows]) -> None:
    found = [row for rows in smoke_rows.values() for row in rows if row["metric"] == "crossings"]
    crossing = {(row.get("layers"), row["steepness"]) for row in found if row["value"] > 0}
    assert (5, 4.0) in crossing
    assert crossing <= {(5, 4.0), (10, 4.0), (20, 4.0)}
    gaps = {
        (row.get("layers"), row["steepness"])
        for rows in smoke_rows.values()
        for row in rows
        if row["metric"] == "smallest_gap" and row["value"] < 0
    }
    assert gaps == crossing
    assert {row["folds"] for row in found if row.get("layers") == 5} == {"may", "never"}


def test_both_networks_record_the_picture(smoke_rows: Mapping[str, Rows]) -> None:
    for variant in EXPERIMENT.variants:
        metrics = {row["metric"] for row in smoke_rows[variant]}
        assert {"path", "arrow", "crossings"} <= metrics
    jumps = {row["depth"] for row in smoke_rows["residual"] if row["metric"] == "path"}
    assert jumps == {0, 1, 2, 3, 4, 5}
    assert [row for row in smoke_rows["ode"] if row["metric"] == "evaluation"]


@pytest.mark.parametrize("steepness", [0.9, 4.0])
def test_ode_path_is_that_of_scipy(steepness: float) -> None:
    drawn = field(1, steepness)
    start = torch.linspace(-5, 5, 7, dtype=torch.float64)
    ours = ode_path(drawn, start, 10, 5.0, 1e-10)
    theirs = solve_ivp(
        lambda t, h: drawn(t, torch.from_numpy(h)).numpy(), (0, 5), start.numpy(), method="DOP853",
        t_eval=np.linspace(0, 5, 11), rtol=1e-11, atol=1e-11,
    )  # fmt: skip
    np.testing.assert_allclose(ours.numpy(), theirs.y.T, atol=1e-7)


def test_residual_path_is_a_chain_of_layers_that_add_a_step_of_the_field() -> None:
    drawn = field(2, 1.0)
    h = torch.tensor([-1.0, 2.0], dtype=torch.float64)
    path = residual_path(drawn, h, 2, 5.0)
    middle = h + 2.5 * drawn(0.0, h)
    torch.testing.assert_close(path, torch.stack((h, middle, middle + 2.5 * drawn(2.5, middle))))


def test_slope_of_the_field_is_its_derivative_and_its_steepest_convergence_is_one() -> None:
    drawn = field(3, 1.0)
    h = torch.linspace(-10, 10, 2001, dtype=torch.float64, requires_grad=True)
    steepest = []
    for t in (0.0, 1.3, 5.0):
        (derivative,) = torch.autograd.grad(drawn(t, h).sum(), h)
        torch.testing.assert_close(drawn.slope(t, h.detach()), derivative)
        steepest.append(-float(derivative.min()))
    assert 0.5 < max(steepest) <= 1 + 1e-3


def test_crossings_counts_neighbours_out_of_order_once_each() -> None:
    path = torch.tensor([[0.0, 1.0, 2.0], [1.0, 0.0, 2.0], [0.0, 1.0, 0.5], [1.0, 0.0, 2.0]])
    assert crossings(path) == 2
    assert crossings(path[:1]) == 0


def test_a_layer_folds_exactly_when_step_times_convergence_exceeds_one() -> None:
    # f = -4 h near 0 (a = -4, w = 1): a step of 0.2 keeps the order, one of 0.3 turns it round.
    one = torch.ones(1, dtype=torch.float64)
    drawn = ScalarField(-4 * one, one, 0 * one, 0 * one)
    start = torch.tensor([-0.01, 0.01], dtype=torch.float64)
    assert crossings(residual_path(drawn, start, 1, 0.2)) == 0
    assert crossings(residual_path(drawn, start, 1, 0.3)) == 1


def test_paper_profile_is_the_largest() -> None:
    assert EXPERIMENT.profiles["paper"] == Fig1Settings()
    assert all(note.source or note.ours for note in Fig1Settings.notes())
