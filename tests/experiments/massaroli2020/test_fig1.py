import itertools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from suite.declarations import Cell
from suite.experiments.massaroli2020.fig1 import GALERKIN, Fig1, _new_classifier
from suite.experiments.massaroli2020.fig1_measurements import TrainedOn
from suite.experiments.massaroli2020.fig1_network import DepthClassifier, accuracy, ends, solve_depth
from suite.experiments.massaroli2020.fig1_settings import Fig1Settings
from suite.harness.meter import CellMeter
from suite.harness.observer import SilentObserver
from suite.models.two_layer_fields import two_layer_field
from tests.smoke_rows import Rows, rows_by_variant

EXPERIMENT = Fig1()


@pytest.fixture(scope="module")
def smoke_rows(smoke_records: Path) -> Mapping[str, Rows]:
    """The measurements of each variant's smoke cell."""
    return rows_by_variant(smoke_records, "massaroli2020/fig1")


def new_meter(variant: str = "fourier", **settings: Any) -> tuple[Cell, CellMeter]:
    cell = Cell(EXPERIMENT.id, variant, 0, "smoke", Fig1Settings(**settings), "cpu")
    return cell, CellMeter(
        cell, None, SilentObserver(), keep=lambda model: None, trained=lambda spec, seed: nn.Identity()
    )


def points(count: int) -> Tensor:
    return torch.randn(count, 2, generator=torch.Generator().manual_seed(1))


def drawn(field: nn.Module) -> None:
    """Draw all parameters at random, as after some training."""
    with torch.no_grad():
        for parameter in field.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(2)))


def test_resnet_is_its_layers_one_after_the_other() -> None:
    _, meter = new_meter("resnet")
    classifier = _new_classifier("resnet", Fig1Settings(hidden=5, pieces=4), meter)
    drawn(classifier.field)
    x = points(6)
    z = x
    for layer in classifier.field.children():
        assert isinstance(layer, nn.ModuleList)
        for residual in layer:
            z = z + residual(torch.zeros(()), z) / 4
    torch.testing.assert_close(classifier.scores(x), z)


def test_mean_parameters_of_a_turning_field_are_those_of_its_mean_angle() -> None:
    """``z' = w(s) J z`` turns by the integral of ``w``, with or without its variation; other orders do not commute."""
    field = two_layer_field("chebyshev", 2, 2, degree=2).double()
    small = 1e-4  # where tanh is the identity to eight digits
    with torch.no_grad():
        for parameter in field.parameters():
            parameter.zero_()
        field.get_parameter("layers.0.weight")[0] = small * torch.eye(2)
        for order, speed in enumerate((1.0, 2.0, -0.5)):
            field.get_parameter("layers.2.weight")[order] = speed / small * torch.tensor([[0.0, -1.0], [1.0, 0.0]])
    classifier = DepthClassifier(field, "rk4", 50, discrete=False)
    z0 = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    # The shifted Chebyshev polynomials of order 0, 1, 2 have the integrals 1, 0, -1/3.
    angle = 1.0 + 0.5 / 3
    expected = torch.tensor([[math.cos(angle), math.sin(angle)]], dtype=torch.float64)
    for network in (classifier, classifier.with_mean_parameters()):
        torch.testing.assert_close(network.scores(z0), expected, rtol=1e-6, atol=1e-6)


def test_solvers_agree_on_every_field() -> None:
    for variant in EXPERIMENT.variants:
        _, meter = new_meter(variant)
        classifier = _new_classifier(variant, Fig1Settings(hidden=5, pieces=5), meter)
        drawn(classifier.field)
        field, z0 = classifier.field.double(), points(4).double()
        exact = ends(solve_depth(field, z0, method="dopri5", tolerance=1e-9))
        torch.testing.assert_close(ends(solve_depth(field, z0, method="rk4", steps=80)), exact, rtol=3e-5, atol=3e-5)


def test_accuracy_is_the_share_of_the_larger_score() -> None:
    scores = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 1.0], [0.0, 1.0]])
    assert accuracy(scores, torch.tensor([0, 1, 1, 1])) == 75.0


def test_stacked_means_approach_the_smooth_parameters_quadratically() -> None:
    cell, meter = new_meter(stacked_pieces=(8, 16, 32, 64), stacked_steps=64, hidden=5, harmonics=1)
    settings = Fig1Settings.of(cell.settings)
    classifier = _new_classifier("fourier", settings, meter)
    drawn(classifier.field)
    TrainedOn(classifier, points(5), torch.zeros(5), "moons", settings, meter).record_stacked_limit()
    distances = [row["value"] for row in meter.rows if row["metric"] == "stacked_distance"]
    for coarse, fine in itertools.pairwise(distances):
        assert coarse / fine == pytest.approx(4, rel=0.1)


def test_training_lowers_the_loss_and_varies_the_parameters() -> None:
    sizes: dict[str, Any] = {
        "points": 64,
        "hidden": 8,
        "steps": 5,
        "pieces": 5,
        "test_points": 400,
        "tolerances": (1e-3,),
    }
    cell, meter = new_meter(
        "stacked-20", moons_iterations=60, spirals_iterations=1, learning_rate=5e-2, drawn_points=2, **sizes
    )
    EXPERIMENT.run(cell, meter)
    values = {row["metric"]: row["value"] for row in meter.rows if row["data"] == "moons"}
    losses = [row["value"] for row in meter.rows if row["metric"] == "train_loss" and row["data"] == "moons"]
    assert losses[-1] < 0.7 * losses[0]
    assert values["test_accuracy"] > 75
    assert values["depth_variation"] > 0.01
    assert values["test_error"] == pytest.approx(100 - values["test_accuracy"])


def test_every_variant_is_measured_on_both_data_sets(smoke_rows: Mapping[str, Rows]) -> None:
    assert set(smoke_rows) == set(EXPERIMENT.variants)
    for variant, rows in smoke_rows.items():
        for metric in ("test_accuracy", "nfe_forward", "depth_variation", "accuracy_lost_to_mean", "trajectory"):
            assert {row["data"] for row in rows if row["metric"] == metric} == {"moons", "spirals"}
        assert any(row["metric"] == "stacked_distance" for row in rows) == (variant in GALERKIN)
        if variant == "vanilla":
            lost = [row["value"] for row in rows if row["metric"] == "accuracy_lost_to_mean"]
            assert lost == [0.0, 0.0]


def test_parameters_are_those_of_the_cookbook_at_its_width() -> None:
    _, meter = new_meter()
    for variant, count in (("vanilla", 322), ("depth-concatenated", 388)):
        field = _new_classifier(variant, Fig1Settings(hidden=64), meter).field
        assert sum(parameter.numel() for parameter in field.parameters()) == count


def test_paper_profile_is_the_declared_setting() -> None:
    assert EXPERIMENT.profiles["paper"] == Fig1Settings()
    assert all(note.source or note.ours for note in Fig1Settings.notes())
