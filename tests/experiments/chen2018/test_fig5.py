import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from suite.declarations import Cell, Settings
from suite.experiments.chen2018 import fig5
from suite.experiments.chen2018.fig5 import Fig5, Fig5Settings
from suite.experiments.chen2018.flow_measurements import (
    angular_displacement,
    direction_turn,
    mass,
    spreads,
    tangential_share,
)
from suite.harness.meter import CellMeter
from suite.harness.observer import SilentObserver
from suite.models.flows import (
    ContinuousDensity,
    ContinuousFlow,
    DensityModel,
    NormalizingFlow,
    PlanarDensity,
    PlanarField,
    gaussian_samples,
)
from tests.smoke_rows import Rows, rows_by_variant
from tests.solvers.tape_recorder import TapedSteps

EXPERIMENT = Fig5()


@pytest.fixture(scope="module")
def smoke_rows(smoke_records: Path) -> Mapping[str, Rows]:
    """The measurements of each variant's smoke cell."""
    return rows_by_variant(smoke_records, "chen2018/fig5")


def smoke_settings(**changes: Any) -> Settings:
    return dataclasses.replace(EXPERIMENT.profiles["smoke"], **changes)


def values(rows: Rows, metric: str) -> list[float]:
    return [row["value"] for row in rows if row["metric"] == metric]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def lively(model: DensityModel, seed: int = 0) -> DensityModel:
    """The model in float64, with parameters that take the density far from its base."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for parameter in model.double().parameters():
            nn.init.normal_(parameter, std=0.6)
    return model


def models() -> tuple[DensityModel, ...]:
    flow = ContinuousFlow(PlanarField(6, hidden=8), end_time=1.5, rtol=1e-8, atol=1e-8, base_variance=0.3)
    return lively(PlanarDensity(NormalizingFlow(10), 0.3)), lively(ContinuousDensity(flow))


def test_every_variant_measures_what_the_claims_compare(smoke_rows: Mapping[str, Rows]) -> None:
    assert set(smoke_rows) == set(EXPERIMENT.variants)
    once = ("held_out_nll", "excess_nll", "mass_error", "sliced_wasserstein", "least_spread_ratio", "train_seconds")
    for variant, rows in smoke_rows.items():
        assert all(len(values(rows, metric)) == 1 for metric in once)
        assert all(math.isfinite(row["value"]) for row in rows)
        assert bool(values(rows, "density")) == (not variant.endswith("short"))
        continuous = variant.endswith("cnf")
        assert bool(values(rows, "direction_turn")) == bool(values(rows, "nfe_to_base")) == continuous
        tolerances = [row.get("tolerance") for row in rows if row["metric"] == "round_trip_rms"]
        assert tolerances == ([1e-3, 1e-4, 1e-5] if continuous else [None])
        assert max(values(rows, "round_trip_rms")) < 0.02


def test_variants_of_a_data_set_see_the_same_held_out_points(smoke_rows: Mapping[str, Rows]) -> None:
    for name in ("circles", "moons"):
        mine = [values(rows, "nll_of_truth") for variant, rows in smoke_rows.items() if variant.startswith(name)]
        assert len(mine) == 3
        assert mine[0] == mine[1] == mine[2]


def test_likelihood_is_never_better_than_that_of_the_true_density_by_more_than_chance(
    smoke_rows: Mapping[str, Rows],
) -> None:
    for rows in smoke_rows.values():
        (excess,) = values(rows, "excess_nll")
        assert excess > -0.1


@pytest.mark.parametrize("variant", ["moons-nf-short", "moons-cnf"])
def test_training_lowers_the_held_out_loss(variant: str) -> None:
    settings = smoke_settings(
        iterations=40, checks=4, learning_rate=2e-2, nf_learning_rate=2e-2, mass_side=10, path_points=3
    )
    cell = Cell(EXPERIMENT.id, variant, 1, "smoke", settings, "cpu")
    meter = CellMeter(cell, None, SilentObserver(), keep=lambda model: None, trained=lambda spec, seed: nn.Identity())
    EXPERIMENT.run(cell, meter)
    nll = values(meter.rows, "nll_during_training")
    assert [row["iteration"] for row in meter.rows if row["metric"] == "train_loss"] == [10, 20, 30, 40]
    assert nll[-1] < nll[0] - 0.05
    assert values(meter.rows, "held_out_nll") == pytest.approx([nll[-1]], abs=1e-5)


def test_loss_that_is_not_finite_is_an_error() -> None:
    settings = smoke_settings(nf_learning_rate=float("inf"))
    cell = Cell(EXPERIMENT.id, "moons-nf-short", 0, "smoke", settings, "cpu")
    meter = CellMeter(cell, None, SilentObserver(), keep=lambda model: None, trained=lambda spec, seed: nn.Identity())
    with pytest.raises(FloatingPointError, match="the loss is nan"):
        EXPERIMENT.run(cell, meter)


@pytest.mark.parametrize("progress", [0.0, 0.3, 1.0])
def test_density_on_the_way_is_that_of_the_samples_there(progress: float) -> None:
    base = gaussian_samples(4_000, variance=0.3, generator=generator(), dtype=torch.float64)
    side = torch.linspace(-0.5, 0.5, 41, dtype=torch.float64)
    for model in models():
        with torch.no_grad():
            samples = model.path(base, (0.0, progress) if progress else (0.0, 1.0))[1 if progress else 0]
            centre = samples.mean(dim=0)
            box = centre + torch.cartesian_prod(side, side)
            expected = float(model.log_density(box, progress).exp().mean())
        inside = float(((samples - centre).abs().amax(dim=1) < 0.5).double().mean())
        assert inside == pytest.approx(expected, abs=0.04)
        assert inside > 0.02


def test_samples_return_to_the_base() -> None:
    base = gaussian_samples(50, variance=0.3, generator=generator(), dtype=torch.float64)
    for model in models():
        with torch.no_grad():
            states = model.path(base, (0.0, 0.5, 1.0))
            assert torch.allclose(model.to_base(states[-1]), base, rtol=0, atol=1e-5)
        assert states.shape == (3, 50, 2)
        assert float((states[-1] - base).norm(dim=1).mean()) > 0.1


def test_mass_of_a_density_is_one() -> None:
    for model in models():
        with torch.no_grad():
            model.float()
            assert mass(model, 8.0, 250, torch.device("cpu")) == pytest.approx(1.0, abs=0.01)


def test_spreads_are_those_of_a_turned_ellipse() -> None:
    circle = torch.linspace(0, 2 * math.pi, 1001, dtype=torch.float64)[:-1]
    ellipse = torch.stack([3 * circle.cos(), 0.5 * circle.sin()], dim=1) * math.sqrt(2)
    turn = torch.tensor([[0.6, 0.8], [-0.8, 0.6]], dtype=torch.float64)
    assert spreads((ellipse @ turn + 5)[None]) == [pytest.approx((0.5, 3.0), rel=1e-9)]


def rotation(turns: float, times: int = 33) -> Tensor:
    """Three points that turn about the origin at constant radius."""
    angle = 2 * math.pi * turns * torch.linspace(0, 1, times, dtype=torch.float64)[:, None]
    radius = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
    return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=2)


def test_turning_is_added_up_with_its_sign() -> None:
    assert angular_displacement(rotation(1.5)).tolist() == pytest.approx([3 * math.pi] * 3)
    assert angular_displacement(rotation(-0.25)).tolist() == pytest.approx([-math.pi / 2] * 3)
    assert tangential_share(rotation(0.5)) == pytest.approx(1.0)
    radial = torch.tensor([[[1.0, 2.0]], [[2.0, 4.0]], [[0.5, 1.0]]])
    assert tangential_share(radial) == pytest.approx(0.0, abs=1e-6)
    assert angular_displacement(radial).tolist() == [0.0]


class TurningField(PlanarField):
    """Two units, of which the heavier turns by 2 rad until time 4 and the lighter not at all."""

    def units(self, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        angle = t / 2
        w = torch.stack([torch.stack([angle.cos(), angle.sin()]), torch.tensor([1.0, 0.0])])
        return w, torch.tensor([[3.0, 0.0], [0.0, 1.0]]), torch.zeros(2)


def test_turn_of_directions_weighs_units_by_their_share() -> None:
    assert direction_turn(TurningField(2), 4.0) == pytest.approx(2.0 * 3 / 4, rel=1e-4)


def test_published_sizes_are_those_of_the_paper_profile() -> None:
    paper = Fig5Settings.of(EXPERIMENT.profiles["paper"])
    assert (paper.width, paper.depth, paper.tolerance, paper.gradient) == (64, 64, 1e-5, "adjoint")
    smaller = [settings.values() for profile, settings in EXPERIMENT.profiles.items() if profile != "smoke"]
    assert {(each["width"], each["depth"]) for each in smaller} == {(64, 64)}


def test_recorded_steps_train_and_count_as_the_solver_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = smoke_settings(iterations=6, checks=2, gradient="adjoint")
    steps, found = TapedSteps(), []
    for recorded in (False, True):
        if recorded:
            monkeypatch.setattr(fig5, "GraphedStep", steps)
        cell = Cell(EXPERIMENT.id, "moons-cnf", 0, "smoke", settings, "cpu")
        meter = CellMeter(
            cell, None, SilentObserver(), keep=lambda model: None, trained=lambda spec, seed: nn.Identity()
        )
        EXPERIMENT.run(cell, meter)
        found.append(meter.rows)
    ((step, recorder),) = steps.made
    assert (step.fallback, recorder.captures) == ("", 2)
    for metric in ("nfe_forward", "nfe_backward"):
        assert values(found[1], metric) == values(found[0], metric)
    for metric in ("train_loss", "nll_during_training"):
        assert values(found[1], metric) == pytest.approx(values(found[0], metric), rel=1e-3)
