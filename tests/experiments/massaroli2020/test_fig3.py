"""Measurements of annuli on models whose answer is known in closed form, and the sizes of the published models."""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import pytest
import torch
from torch import Tensor, nn

from suite.datasets.annuli import Annuli
from suite.declarations import Cell
from suite.experiments.massaroli2020 import planar_training
from suite.experiments.massaroli2020.annuli_measurements import (
    record_boundary,
    record_crack,
    record_errors,
    record_field_norm,
)
from suite.experiments.massaroli2020.annuli_pictures import intervals_above_zero, record_field, record_labels
from suite.experiments.massaroli2020.fig3 import Fig3
from suite.experiments.massaroli2020.fig3_models import new_model
from suite.experiments.massaroli2020.fig3_settings import Fig3Settings
from suite.experiments.massaroli2020.planar_training import Training, train
from suite.harness.meter import CellMeter
from suite.harness.observer import SilentObserver
from suite.models import ODEBlock, parameter_count
from suite.models.depth_varying import DepthField
from suite.models.planar_classifiers import PlanarClassifier
from tests.smoke_rows import Rows, rows_by_variant
from tests.solvers.tape_recorder import TapedSteps

EXPERIMENT = Fig3()
FLOWS_IN_THE_PLANE = ("vanilla", "depth-concatenated", "galerkin-released", "galerkin", "stacked")


class Written(Protocol):
    rows: Rows


@pytest.fixture
def meter() -> CellMeter:
    cell = Cell(EXPERIMENT.id, "vanilla", 0, "smoke", EXPERIMENT.profiles["smoke"], "cpu")
    return CellMeter(cell, None, SilentObserver(), keep=lambda model: None, trained=lambda spec, seed: nn.Identity())


def value(meter: Written, metric: str) -> float:
    (found,) = (row["value"] for row in meter.rows if row["metric"] == metric)
    return float(found)


def read_out(weight: tuple[float, float], bias: float) -> nn.Linear:
    layer = nn.Linear(2, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([weight]))
        layer.bias.fill_(bias)
    return layer


class SquaredRadius(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        squares = x.square().sum(dim=1)
        return torch.stack([squares, torch.zeros_like(squares)], dim=1)


def disc(radius: float) -> PlanarClassifier:
    """A classifier without a flow: inner within a radius."""
    return PlanarClassifier(SquaredRadius(), None, read_out((-1.0, 0.0), 0.5 + radius**2))


def half_plane() -> PlanarClassifier:
    """Inner where the first coordinate exceeds one half."""
    return PlanarClassifier(nn.Identity(), None, read_out((1.0, 0.0), 0.0))


def half_plane_to_the_left() -> PlanarClassifier:
    """Inner where the first coordinate is below minus one half."""
    return PlanarClassifier(nn.Identity(), None, read_out((-1.0, 0.0), 0.0))


def rotation(angle: float) -> PlanarClassifier:
    """A flow that turns the plane."""
    linear = nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([[0.0, -angle], [angle, 0.0]]))
    return PlanarClassifier(
        nn.Identity(), ODEBlock(DepthField(linear), rtol=1e-3, atol=1e-3), read_out((1.0, 0.0), 0.0)
    )


@pytest.mark.parametrize(
    ("variant", "parameters"),
    [
        ("mlp", 165),
        ("input-network", 165 + 1_221 - 3),
        ("vanilla", 1_221),
        ("depth-concatenated", 1_285),
        ("galerkin-released", 2_807),
        ("galerkin", 3_077),
        ("stacked", 5 * (2 * 16 + 16 + 16 * 2 + 2) + 3),
        ("anode", 3 * 32 + 32 + 32 * 32 + 32 + 32 * 3 + 3 + 4),
        ("data-control", 229),
    ],
)
def test_models_have_their_published_numbers_of_parameters_read_out_included(variant: str, parameters: int) -> None:
    model = new_model(variant, Fig3Settings())
    assert parameter_count(model) == parameters
    assert model(torch.randn(4, 2)).shape == (4,)


def test_a_half_plane_cracks_the_outer_circle_where_the_cosine_says(meter: CellMeter) -> None:
    record_crack(half_plane(), Annuli(), points=400, threshold=0.5, tolerance=1e-6, meter=meter)
    assert value(meter, "crack_fraction") == pytest.approx(math.acos(0.25) / math.pi, abs=1e-3)
    assert value(meter, "inner_wrong_fraction") == pytest.approx(1 - math.acos(0.5) / math.pi, abs=5e-3)
    assert value(meter, "outer_excess") == pytest.approx(1.0)
    assert value(meter, "winding_number") == 1.0


def test_a_disc_cracks_nothing_and_is_no_homeomorphism(meter: CellMeter) -> None:
    record_crack(disc(1.5), Annuli(), points=100, threshold=0.5, tolerance=1e-6, meter=meter)
    assert value(meter, "crack_fraction") == 0.0
    assert value(meter, "inner_wrong_fraction") == 0.0
    assert value(meter, "outer_excess") == pytest.approx(1 - 4)
    assert value(meter, "winding_number") == 0.0


@pytest.mark.parametrize("variant", FLOWS_IN_THE_PLANE)
def test_no_flow_in_the_plane_escapes_topology_whatever_its_weights(variant: str, meter: CellMeter) -> None:
    torch.manual_seed(6)
    model = new_model(variant, EXPERIMENT.profiles["smoke"])  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in model.field.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    record_crack(model, Annuli(), points=100, threshold=0.5, tolerance=1e-6, meter=meter)
    assert value(meter, "outer_excess") > 0
    assert value(meter, "winding_number") == 1.0


def test_boundary_of_a_disc_is_round_and_that_of_a_half_plane_is_not(meter: CellMeter) -> None:
    record_boundary(disc(1.5), 2.0, rays=24, through=0.1, threshold=0.5, tolerance=1e-3, meter=meter)
    assert value(meter, "boundary_ratio") == 1.0
    assert value(meter, "boundary_nearest") == pytest.approx(1.5, abs=0.026)
    meter.rows.clear()
    record_boundary(half_plane(), 2.0, rays=24, through=0.1, threshold=0.5, tolerance=1e-3, meter=meter)
    assert value(meter, "boundary_ratio") == pytest.approx(2.0 / 0.025)
    meter.rows.clear()
    # A ray to the right never enters this half-plane, one more to the left does.
    record_boundary(half_plane_to_the_left(), 2.0, rays=1, through=0.0, threshold=0.5, tolerance=1e-3, meter=meter)
    assert value(meter, "boundary_furthest") == 0.025
    meter.rows.clear()
    record_boundary(half_plane_to_the_left(), 2.0, rays=1, through=math.pi, threshold=0.5, tolerance=1e-3, meter=meter)
    assert value(meter, "boundary_furthest") == 2.0


def test_length_of_a_rotation_is_its_arc_and_its_displacement_the_chord(meter: CellMeter) -> None:
    points = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    record_field_norm(rotation(1.2), points, 1e-6, meter)
    assert value(meter, "field_norm") == pytest.approx(1.2 * 1.5, rel=1e-4)
    assert value(meter, "largest_field_norm") == pytest.approx(1.2 * 2, rel=1e-4)
    assert value(meter, "displacement") == pytest.approx(2 * 1.5 * math.sin(0.6), rel=1e-4)


def test_errors_are_counted_on_the_points_given(meter: CellMeter) -> None:
    points = torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    record_errors(half_plane(), points, torch.tensor([1.0, 0.0, 0.0, 0.0]), threshold=0.5, tolerance=1e-3, meter=meter)
    assert value(meter, "test_accuracy") == 75.0
    assert value(meter, "test_mse") == pytest.approx((0 + 4 + 0 + 1) / 4)
    assert not [row for row in meter.rows if row["metric"] == "nfe"]
    meter.rows.clear()
    # Half a turn: the flow exchanges left and right, by the coarse training solver and by the fine one.
    record_errors(
        rotation(math.pi), points, torch.tensor([0.0, 0.0, 0.0, 1.0]), threshold=0.5, tolerance=1e-6, meter=meter
    )
    assert value(meter, "test_accuracy") == 100.0
    assert value(meter, "solver_effect") == 0.0
    assert value(meter, "nfe") > 6


def test_labels_are_recorded_as_intervals_that_end_where_the_boundary_is(meter: CellMeter) -> None:
    record_labels(half_plane(), meter, window=2.0, lines=3, points=41, threshold=0.5, tolerance=1e-3)
    assert [(row["y"], row["x"], row["value"]) for row in meter.rows] == [
        (-2.0, pytest.approx(0.5), 2.0),
        (0.0, pytest.approx(0.5), 2.0),
        (2.0, pytest.approx(0.5), 2.0),
    ]


def test_intervals_are_found_at_both_ends_and_in_between() -> None:
    x = torch.arange(6.0)
    assert intervals_above_zero(x, torch.tensor([1.0, -1.0, -1.0, 1.0, 1.0, -3.0])) == [(0.0, 0.5), (2.5, 4.25)]
    assert intervals_above_zero(x, torch.ones(6)) == [(0.0, 5.0)]
    assert intervals_above_zero(x, -torch.ones(6)) == []


def test_a_field_that_does_not_vary_with_depth_is_recorded_once(meter: CellMeter) -> None:
    record_field(rotation(1.0), meter, window=2.0, side=3, depths=(0.0, 0.5, 1.0))
    assert len(meter.rows) == 9
    for row in meter.rows:
        assert (row["first"], row["value"]) == (pytest.approx(-row["y"]), pytest.approx(row["x"]))


def test_training_lowers_the_error_on_fresh_points_and_stops_when_it_diverges(meter: CellMeter) -> None:
    torch.manual_seed(0)
    model = PlanarClassifier(nn.Identity(), None, nn.Linear(2, 1))

    def draw(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        points = torch.randn(count, 2, generator=generator)
        return points, points @ torch.tensor([1.0, -2.0]) + 0.5

    how = Training(iterations=200, batch_size=64, learning_rate=0.05, weight_decay=0.0, checks=4)
    train(model, draw, torch.Generator().manual_seed(0), how, meter)
    losses = {row["iteration"]: row["value"] for row in meter.rows}
    assert list(losses) == [50, 100, 150, 200]
    assert losses[200] < 1e-3 < losses[50]
    torch.testing.assert_close(model.readout.weight.detach(), torch.tensor([[1.0, -2.0]]), atol=0.05, rtol=0)

    def broken(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        points, targets = draw(count, generator)
        return points, targets * math.nan

    with pytest.raises(FloatingPointError, match="before iteration 50"):
        train(model, broken, torch.Generator().manual_seed(0), how, meter, data="broken")


@pytest.fixture(scope="module")
def smoke_rows(smoke_records: Path) -> Mapping[str, Rows]:
    return rows_by_variant(smoke_records, "massaroli2020/fig3")


def test_every_variant_records_what_its_claims_and_figures_need(
    smoke_rows: Mapping[str, Rows],
) -> None:
    assert set(smoke_rows) == set(EXPERIMENT.variants)
    for variant, rows in smoke_rows.items():
        metrics = {row["metric"] for row in rows}
        assert {"parameters", "test_error", "test_mse", "crack_fraction", "outer_excess", "boundary_ratio"} <= metrics
        assert ({"nfe", "field_norm", "solver_effect", "path", "field"} <= metrics) == (variant != "mlp")
        assert ("winding_number" in metrics) == (variant != "anode")


def test_paper_profile_is_the_declared_setting() -> None:
    assert EXPERIMENT.profiles["paper"] == Fig3Settings()
    assert EXPERIMENT.variants[-1] == "data-control"
    assert all(note.source or note.ours for note in Fig3Settings.notes())


def test_recorded_steps_train_as_those_of_the_host(meter: CellMeter, monkeypatch: pytest.MonkeyPatch) -> None:
    steps, found = TapedSteps(), []
    annuli = Annuli()
    how = Training(iterations=6, batch_size=16, learning_rate=1e-2, weight_decay=0.0, checks=2)
    for recorded in (False, True):
        if recorded:
            monkeypatch.setattr(planar_training, "GraphedStep", steps)
        torch.manual_seed(0)
        settings = dataclasses.replace(Fig3Settings(), gradient="adjoint", training_tolerance=1e-2)
        model = new_model("vanilla", settings)
        train(model, annuli.sample, torch.Generator().manual_seed(0), how, meter, run=int(recorded))
        found.append([row["value"] for row in meter.rows if row["metric"] == "train_mse" and row["run"] == recorded])
    ((step, recorder),) = steps.made
    assert (step.fallback, recorder.captures) == ("", 2)
    assert found[1] == pytest.approx(found[0], rel=1e-4)
