import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from scipy.integrate import quad
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import silhouette_score
from torch import Tensor, nn

from suite.declarations import Cell
from suite.experiments.chen2018.spiral_forecasts import (
    Architecture,
    Grid,
    Observations,
    Variant,
    build,
    forecast,
    posterior,
    training_loss,
)
from suite.experiments.chen2018.spiral_latents import (
    accuracy,
    coordinate_sweep,
    largest_jump,
    linear_probe,
    sign_changes,
    signed_area,
    silhouette,
    sweep_areas,
)
from suite.experiments.chen2018.table2 import Table2
from suite.experiments.chen2018.table2_settings import Table2Settings
from suite.harness.meter import CellMeter
from suite.harness.observer import SilentObserver
from suite.models.latent import LatentODE, NextObservationRNN, RecurrentVAE, evidence_lower_bound
from tests.smoke_rows import Rows, rows_by_variant

EXPERIMENT = Table2()
SMOKE = EXPERIMENT.profiles["smoke"]
SIZES = Architecture(4, 25, 0.5, 20, 20, 25, "dopri5", 1e-8, "direct")
TIMES = torch.arange(20, dtype=torch.float64) * 0.2
GRID = Grid(TIMES, 10, TIMES)
VARIANTS: tuple[Variant, ...] = ("rnn", "rnn-gaps", "rnn-vae", "latent-ode")


@pytest.fixture(autouse=True)
def _reproducible() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def smoke_rows(smoke_records: Path) -> Mapping[str, Rows]:
    """The measurements of each variant's smoke cell."""
    return rows_by_variant(smoke_records, "chen2018/table2")


def found(rows: Rows, metric: str, **axes: object) -> list[float]:
    return [row["value"] for row in rows if row["metric"] == metric and axes.items() <= row.items()]


def observations(n: int = 6, batch: int = 5) -> Observations:
    index = torch.rand(batch, GRID.observed).argsort(dim=1)[:, :n].sort(dim=1).values
    return Observations(torch.randn(batch, n, 2, dtype=torch.float64), index)


def run(variant: str, **changes: Any) -> Rows:
    cell = Cell(EXPERIMENT.id, variant, 0, "smoke", dataclasses.replace(SMOKE, **changes), "cpu")
    meter = CellMeter(cell, None, SilentObserver(), keep=lambda model: None, trained=lambda spec, seed: nn.Identity())
    EXPERIMENT.run(cell, meter)
    return meter.rows


# --- the smoke run ---


def test_every_variant_measures_both_errors_at_every_number_of_observations(smoke_rows: Mapping[str, Rows]) -> None:
    assert set(smoke_rows) == set(EXPERIMENT.variants)
    for variant, rows in smoke_rows.items():
        for count in (6, 10):
            for metric in ("interpolation_rmse", "extrapolation_rmse"):
                for against in ("truth", "noisy"):
                    (value,) = found(rows, metric, data="common-centre", observations=count, against=against)
                    assert value > 0
            latent = variant in ("rnn-vae", "latent-ode")
            assert len(found(rows, "between_rmse", observations=count)) == (2 if latent else 0)
            assert len(found(rows, "direction_accuracy", observations=count)) == (2 if latent else 1)
            assert len(found(rows, "sweep_turned_once", observations=count)) == latent


def test_the_latent_ode_measures_what_an_iteration_at_the_published_size_costs(smoke_rows: Mapping[str, Rows]) -> None:
    rows = smoke_rows["latent-ode"]
    (seconds,) = found(rows, "full_iteration_seconds", gradient="direct")
    assert found(rows, "full_training_minutes", gradient="direct") == [pytest.approx(2_000 * seconds / 60)]
    (adjoint,) = found(rows, "full_nfe_backward", gradient="adjoint")
    assert adjoint > 0
    assert found(rows, "full_nfe_backward", gradient="direct") == [0]
    assert all(value >= 7 for value in found(rows, "nfe_forward"))


def test_pictures_hold_both_directions_the_truth_once_and_only_where_the_rnn_predicts(
    smoke_rows: Mapping[str, Rows],
) -> None:
    rows = smoke_rows["latent-ode"]
    for panel in ("clockwise", "counter-clockwise"):
        assert len(found(rows, "picture", panel=panel, curve="truth")) == 2 * 12
        assert len(found(rows, "picture", panel=panel, curve="observed", observations=6)) == 2 * 6
        # Five of six observations are predicted, then every second of twelve further points.
        mine = [row for row in smoke_rows["rnn"] if row["metric"] == "picture" and row["panel"] == panel]
        assert len(found(mine, "picture", curve="model", observations=10)) == 2 * (9 + 6)


# --- training and forecasts ---


def test_published_sizes_are_the_defaults() -> None:
    paper = EXPERIMENT.profiles["paper"]
    assert isinstance(paper, Table2Settings)
    assert (paper.latent, paper.encoder_hidden, paper.field_hidden, paper.decoder_hidden) == (4, 25, 20, 20)
    assert (paper.rnn_hidden, paper.tolerance, paper.observations) == (25, 1.5e-8, (30, 50, 100))
    assert (paper.iterations, paper.batch_size, paper.train_spirals) == (2_000, 1_000, 1_000)


@pytest.mark.parametrize("variant", VARIANTS)
def test_forecasts_depend_on_nothing_but_the_observations_and_fill_the_grid(variant: Variant) -> None:
    model, seen = build(variant, SIZES), observations()
    positions = forecast(model, seen, GRID)
    assert positions.shape == (5, 20, 2)
    assert bool(torch.isfinite(positions[:, 10:]).all())
    known = torch.isfinite(positions[:, :10]).all(dim=-1)
    if isinstance(model, NextObservationRNN):
        assert torch.equal(known.nonzero()[:, 1].reshape(5, -1), seen.index[:, 1:])
        assert torch.equal(positions[2, seen.index[2, 1:]], model(seen.values, seen.index.double())[2])
    else:
        assert bool(known.all())
    torch.testing.assert_close(forecast(model, seen[1:3], GRID)[:, 10:], positions[1:3, 10:], atol=1e-6, rtol=1e-6)


def test_every_sample_takes_from_the_common_solve_the_points_at_which_it_was_observed() -> None:
    model, seen = build("latent-ode", SIZES), observations()
    assert isinstance(model, LatentODE)
    normal = torch.randn(5, 4, dtype=torch.float64)
    loss = training_loss(model, seen, GRID, normal, noise_std=0.2, horizon=10)
    mean, log_std = posterior(model, seen, GRID)
    alone = []
    for sample in range(5):
        z0 = (mean + log_std.exp() * normal)[sample : sample + 1]
        later = GRID.times[seen.index[sample]]
        starts_later = bool(later[0] > 0)
        times = torch.cat((torch.zeros(1, dtype=torch.float64), later)) if starts_later else later
        decoded = model.decode(z0, times)[:, -6:]
        one = slice(sample, sample + 1)
        alone.append(evidence_lower_bound(seen.values[one], decoded, mean[one], log_std[one], noise_std=0.2))
    torch.testing.assert_close(loss, -torch.cat(alone).mean() / 6, atol=1e-6, rtol=1e-6)


def test_a_shorter_horizon_leaves_later_observations_out_of_the_likelihood_alone() -> None:
    model, seen = build("rnn-vae", SIZES), observations()
    assert isinstance(model, RecurrentVAE)
    normal = torch.zeros(5, 4, dtype=torch.float64)
    mean, log_std = posterior(model, seen, GRID)  # of all observations
    decoded = forecast(model, seen, GRID).gather(1, seen.index.unsqueeze(-1).expand(-1, -1, 2))
    bound = evidence_lower_bound(seen.values, decoded, mean, log_std, noise_std=0.2, mask=seen.index < 4)
    loss = training_loss(model, seen, GRID, normal, noise_std=0.2, horizon=4)
    torch.testing.assert_close(loss, -bound.mean() / 6)


def test_variants_see_the_same_spirals_and_a_diverged_training_is_an_error() -> None:
    accuracies = [found(run(name), "direction_accuracy", probed="first-observation") for name in ("rnn", "rnn-vae")]
    assert accuracies[0] == accuracies[1]
    with pytest.raises(FloatingPointError, match="the training loss of rnn is nan by iteration 4"):
        run("rnn", rnn_learning_rate=math.inf, validations=1, iterations=4)


# --- the latent space ---


def clusters(count: int = 200, apart: float = 2.0) -> tuple[Tensor, Tensor]:
    direction = torch.ones(count, dtype=torch.float64)
    direction[::2] = -1
    shift = torch.tensor([apart, 0.0, 0.5], dtype=torch.float64)
    return torch.randn(count, 3, dtype=torch.float64) + direction.unsqueeze(1) * shift / 2 + 3, direction


def test_linear_probe_is_the_linear_discriminant_and_silhouette_that_of_scikit_learn() -> None:
    features, direction = clusters()
    discriminant = LinearDiscriminantAnalysis().fit(features.numpy(), direction.numpy())
    expected = discriminant.score(features.numpy(), direction.numpy())
    assert float(accuracy(linear_probe(features, direction), features, direction)) == pytest.approx(expected)
    expected = silhouette_score(features.numpy(), direction.numpy())
    assert float(silhouette(features, direction)) == pytest.approx(expected)


def test_signed_area_of_a_spiral_is_the_area_it_sweeps_around_its_mean() -> None:
    angle = torch.linspace(0, 2 * math.pi, 4_001, dtype=torch.float64)
    circle = torch.stack((3 + 2 * angle.cos(), 1 + 2 * angle.sin()), dim=-1)
    assert float(signed_area(circle)) == pytest.approx(4 * math.pi, rel=1e-5)
    assert float(signed_area(circle.flip(0))) == pytest.approx(-4 * math.pi, rel=1e-5)
    # Around any point, the area is that around the origin plus a multiple of the chord from start to end.
    spiral = (1 - 0.1 * angle).unsqueeze(-1) * torch.stack((angle.cos(), angle.sin()), dim=-1)
    exact, _ = quad(lambda a: 0.5 * (1 - 0.1 * a) ** 2, 0, 2 * math.pi)
    centre, chord = spiral.mean(dim=0), spiral[-1] - spiral[0]
    exact -= 0.5 * float(centre[0] * chord[1] - centre[1] * chord[0])
    assert float(signed_area(spiral)) == pytest.approx(exact, rel=1e-5)


def test_a_coordinate_that_sets_the_sense_of_rotation_turns_the_curve_once_and_smoothly() -> None:
    angle = torch.linspace(0, 2 * math.pi, 50, dtype=torch.float64)

    def decode(z0: Tensor) -> Tensor:
        return torch.stack((angle.cos().expand(len(z0), -1), z0[:, :1] * angle.sin()), dim=-1)

    z0 = torch.randn(3, 2, dtype=torch.float64)
    swept = coordinate_sweep(z0, 0, torch.tensor([-1.0, 2.0], dtype=torch.float64))
    torch.testing.assert_close(swept[..., 1], z0[:, 1:].expand(-1, 2))
    coarse, fine = (sweep_areas(decode, z0, 0, torch.linspace(-1, 1.5, n, dtype=torch.float64)) for n in (10, 19))
    assert sign_changes(coarse).tolist() == [1, 1, 1]
    assert sign_changes(sweep_areas(decode, z0, 1, torch.linspace(-1, 1, 5, dtype=torch.float64))).tolist() == [0, 0, 0]
    torch.testing.assert_close(largest_jump(fine) / largest_jump(coarse), torch.full((3,), 0.5, dtype=torch.float64))
