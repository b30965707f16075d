from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from suite.experiments.massaroli2020.augmented_states import digit_classifier, node_classifier
from suite.experiments.massaroli2020.regularisation import Regularisation
from suite.experiments.massaroli2020.regularisation_settings import RegularisationSettings
from suite.experiments.massaroli2020.regularised_paths import _new_classifier, _regulariser, _signs
from suite.models import parameter_count
from tests.smoke_rows import Rows, rows_by_variant

EXPERIMENT = Regularisation()


@pytest.fixture(scope="module")
def smoke_rows(smoke_records: Path) -> Mapping[str, Rows]:
    """The measurements of each variant's smoke cell."""
    return rows_by_variant(smoke_records, "massaroli2020/regularisation")


def test_every_variant_is_tested(smoke_rows: Mapping[str, Rows]) -> None:
    assert set(smoke_rows) == set(EXPERIMENT.variants)
    for variant, rows in smoke_rows.items():
        metrics = {row["metric"] for row in rows}
        assert "test_accuracy" in metrics
        assert ("relative_nfe" in metrics) == (variant in ("kinetic", "jacobian"))


def test_everything_is_compared_with_a_weight_of_zero(smoke_rows: Mapping[str, Rows]) -> None:
    for variant in ("kinetic", "jacobian"):
        rows = smoke_rows[variant]
        assert [row["value"] for row in rows if row["metric"] == "relative_nfe" and row["weight"] == 0] == [1.0]
        accuracy = {row["weight"]: row["value"] for row in rows if row["metric"] == "accuracy"}
        loss = {row["weight"]: row["value"] for row in rows if row["metric"] == "accuracy_loss"}
        assert loss == {weight: pytest.approx(accuracy[0.0] - value) for weight, value in accuracy.items()}
        assert set(accuracy) == {0.0, 1e-2}


def test_both_regularisers_start_from_flows_of_one_size_and_are_measured_alike(smoke_rows: Mapping[str, Rows]) -> None:
    for metric in ("kinetic", "squared_jacobian"):
        for variant in ("kinetic", "jacobian"):
            assert all(row["value"] > 0 for row in smoke_rows[variant] if row["metric"] == metric)


@pytest.mark.parametrize("profile", ["quick", "laptop", "paper"])
def test_augmented_and_plain_networks_have_about_as_many_parameters(profile: Any) -> None:
    settings = RegularisationSettings.of(EXPERIMENT.profiles[profile])
    digits = [parameter_count(digit_classifier(settings, augmented=each)) for each in (True, False)]
    nodes = [parameter_count(node_classifier(torch.eye(2), settings, augmented=each)) for each in (True, False)]
    assert digits[0] / digits[1] == pytest.approx(1.0, abs=0.05)
    assert nodes[0] / nodes[1] == pytest.approx(1.0, abs=0.1)


def test_augmented_flow_of_images_starts_from_the_image_and_zeros() -> None:
    settings = RegularisationSettings()
    model = digit_classifier(settings, augmented=True)
    images = torch.rand(2, 1, 8, 8)
    start = model.start(images)
    assert torch.equal(start[:, :1], images)
    assert torch.equal(start[:, 1:], torch.zeros(2, 4, 8, 8))
    assert model(images).shape == (2, 10)


def test_probes_are_signs_and_new_in_every_iteration() -> None:
    generator = torch.Generator().manual_seed(0)
    one, other = (_signs(torch.zeros(50, 4), generator) for _ in range(2))
    assert set(one.flatten().tolist()) == {-1.0, 1.0}
    assert not torch.equal(one, other)
    assert _signs(torch.zeros(5, 4), generator, 3).shape == (3, 5, 4)
    model = _new_classifier(RegularisationSettings())
    states = model.start(torch.randn(6, 2))
    running = _regulariser("jacobian", generator)(model, states)
    norm = running(torch.tensor(0.0), states, model.field(torch.tensor(0.0), states))
    assert norm.requires_grad
    assert float(norm.detach()) > 0


def test_paper_profile_is_the_declared_setting() -> None:
    assert EXPERIMENT.profiles["paper"] == RegularisationSettings()
    assert all(note.source or note.ours for note in RegularisationSettings.notes())
