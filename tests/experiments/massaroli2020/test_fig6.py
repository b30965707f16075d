"""Linear probes and the motion of states, on data whose answer is known."""

import math
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from scipy import optimize, stats
from torch import Tensor, nn

from suite.datasets.annuli import Annuli
from suite.declarations import Cell
from suite.experiments.massaroli2020.fig6 import Fig6, Fig6Settings, _record_motion, new_model
from suite.experiments.massaroli2020.linear_probe import probe_accuracy
from suite.harness.meter import CellMeter
from suite.harness.observer import SilentObserver
from suite.models import ODEBlock, parameter_count
from suite.models.depth_varying import DepthField
from suite.models.planar_classifiers import PlanarClassifier
from tests.smoke_rows import Rows, rows_by_variant

EXPERIMENT = Fig6()


def meter() -> CellMeter:
    cell = Cell(EXPERIMENT.id, "network-flow", 0, "smoke", EXPERIMENT.profiles["smoke"], "cpu")
    return CellMeter(cell, None, SilentObserver(), keep=lambda model: None, trained=lambda spec, seed: nn.Identity())


def turning(matrix: list[list[float]]) -> PlanarClassifier:
    linear = nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor(matrix))
    return PlanarClassifier(nn.Identity(), ODEBlock(DepthField(linear)), nn.Linear(2, 1))


def test_probe_is_as_good_as_the_best_line_between_two_gaussians() -> None:
    """Unit Gaussians whose means are 2 apart: the midline classifies a fraction Phi(1), whatever the scale."""
    generator = torch.Generator().manual_seed(1)

    def draw(count: int) -> tuple[Tensor, Tensor]:
        labels = torch.arange(count) % 2
        return 1e-3 * (
            torch.randn(count, 2, generator=generator) + 2 * labels[:, None] * torch.tensor([1.0, 0.0])
        ), labels

    assert probe_accuracy(draw(4_000), draw(20_000)) == pytest.approx(100 * stats.norm.cdf(1), abs=0.8)


def test_probe_separates_what_a_line_separates_and_is_scored_on_other_points() -> None:
    states = torch.tensor([[0.0, 0.0], [0.1, 0.3], [3.0, 0.0], [3.1, 1.0]])
    labels = torch.tensor([0, 0, 1, 1])
    assert probe_accuracy((states, labels), (states, labels)) == 100.0
    assert probe_accuracy((states, labels), (states, 1 - labels)) == 0.0


def test_no_line_classifies_more_than_two_thirds_of_the_annuli() -> None:
    """The bound of the claim: the best half-plane on the marginal of one coordinate, with and without the noise."""
    points, labels = Annuli(noise=0.0).sample(200_000, torch.Generator().manual_seed(2))

    def accuracy(offset: float, x: Tensor) -> float:
        return float((((x < offset) == (labels > 0.5)).double()).mean())

    exact = 0.5 + math.acos(0.5) / (2 * math.pi)
    assert exact == pytest.approx(2 / 3)
    assert accuracy(1.0, points[:, 0]) == pytest.approx(exact, abs=3e-3)
    noisy, _ = Annuli().sample(200_000, torch.Generator().manual_seed(3))
    best = optimize.minimize_scalar(lambda offset: -accuracy(offset, noisy[:, 0]), bounds=(0.5, 1.8), method="bounded")
    assert 0.6 < -best.fun < exact


def test_straight_paths_and_turning_paths_are_told_apart() -> None:
    points = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    straight, turn = meter(), meter()
    _record_motion(turning([[math.log(3.0), 0.0], [0.0, 0.0]]), points, 1e-7, straight)
    _record_motion(turning([[0.0, -math.pi], [math.pi, 0.0]]), points, 1e-7, turn)
    found = [{row["metric"]: row["value"] for row in each.rows} for each in (straight, turn)]
    # Three times as far out: a way of 2, over a spread of 1; half a turn: a diameter over half a circumference.
    assert found[0]["displacement"] == pytest.approx(2, rel=1e-4)
    assert found[0]["relative_displacement"] == pytest.approx(2, rel=1e-4)
    assert found[0]["straightness"] == pytest.approx(1, rel=1e-6)
    assert found[1]["displacement"] == pytest.approx(2, rel=1e-4)
    assert found[1]["straightness"] == pytest.approx(2 / math.pi, rel=2e-3)


def test_the_network_without_its_flow_is_the_published_perceptron() -> None:
    settings = Fig6Settings()
    assert parameter_count(new_model("network", settings)) == 165
    assert parameter_count(new_model("network-flow", settings)) == 165 + 1_218
    assert parameter_count(new_model("linear-flow", settings)) == 1_221 + 6
    with pytest.raises(ValueError, match="two layers"):
        new_model("network", Fig6Settings(input_layers=3))


@pytest.fixture(scope="module")
def smoke_rows(smoke_records: Path) -> Mapping[str, Rows]:
    return rows_by_variant(smoke_records, "massaroli2020/fig6")


def test_every_variant_records_what_its_claims_and_figures_need(
    smoke_rows: Mapping[str, Rows],
) -> None:
    assert set(smoke_rows) == set(EXPERIMENT.variants)
    for variant, rows in smoke_rows.items():
        values = {row["metric"]: row["value"] for row in rows}
        assert values["probe_gain"] == pytest.approx(values["probe_accuracy"] - values["untrained_probe_accuracy"])
        assert ("straightness" in values) == ("relative_displacement" in values) == (variant != "network")
        assert "state" in values
    network = {row["metric"]: row["value"] for row in smoke_rows["network"]}
    assert network["probe_gain_of_flow"] == 0.0


def test_paper_profile_is_the_declared_setting() -> None:
    assert EXPERIMENT.profiles["paper"] == Fig6Settings()
    assert EXPERIMENT.variants[-1] == "network-flow"
