"""What a last activation forbids: on fields whose paths are known, and on random ones."""

import math
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import nn

from suite.declarations import Cell
from suite.experiments.massaroli2020.activations import (
    ACTIVATIONS,
    LOWEST,
    Activations,
    ActivationSettings,
    shift_floor,
)
from suite.experiments.massaroli2020.flow_motion import record_coordinates, record_motion
from suite.harness.meter import CellMeter
from suite.harness.observer import SilentObserver
from suite.models.depth_varying import DepthField
from suite.models.planar_classifiers import perceptron_field
from tests.smoke_rows import Rows, rows_by_variant

EXPERIMENT = Activations()


@pytest.fixture
def meter() -> CellMeter:
    cell = Cell(EXPERIMENT.id, "none", 0, "smoke", EXPERIMENT.profiles["smoke"], "cpu")
    return CellMeter(cell, None, SilentObserver(), keep=lambda model: None, trained=lambda spec, seed: nn.Identity())


def values(meter: CellMeter) -> dict[str, float]:
    return {row["metric"]: row["value"] for row in meter.rows}


def test_lower_bounds_are_those_of_the_activations() -> None:
    far = torch.linspace(-40, 40, 8_001, dtype=torch.float64)
    for name, activation in ACTIVATIONS.items():
        if activation is None:
            assert name not in LOWEST
        else:
            assert float(activation()(far).min()) == pytest.approx(LOWEST[name], abs=1e-12)


def test_motion_of_a_linear_field_is_known(meter: CellMeter) -> None:
    """One coordinate decays, the other grows: ``z(s) = z(0) exp(+-s)``."""
    linear = nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([[-1.0, 0.0], [0.0, 1.0]]))
    record_motion(DepthField(linear), torch.tensor([[2.0, 3.0]]), 100, meter, data="annuli")
    found = values(meter)
    assert found["least_speed"] == pytest.approx(-2)
    assert found["largest_speed"] == pytest.approx(3 * math.e, rel=1e-6)
    assert found["least_displacement"] == pytest.approx(2 / math.e - 2, rel=1e-6)
    assert found["largest_displacement"] == pytest.approx(3 * math.e - 3, rel=1e-6)
    assert found["least_increment"] == pytest.approx(2 * math.exp(-0.01) - 2, rel=1e-6)


@pytest.mark.parametrize("variant", LOWEST)
def test_bounds_hold_for_any_weights(variant: str, meter: CellMeter) -> None:
    torch.manual_seed(3)
    field = perceptron_field(2, 2, (8,), last_activation=ACTIVATIONS[variant])
    with torch.no_grad():
        for parameter in field.parameters():
            parameter.mul_(6)
    record_motion(field, 2 * torch.randn(50, 2), 20, meter, data="annuli")
    found = values(meter)
    assert found["least_speed"] >= LOWEST[variant]
    assert found["least_increment"] >= LOWEST[variant] / 20 - 1e-12
    assert found["least_displacement"] >= LOWEST[variant] - 1e-12
    if variant in ("tanh", "sigmoid"):
        assert found["largest_displacement"] <= 1 + 1e-12


def test_a_linear_last_layer_breaks_every_bound(meter: CellMeter) -> None:
    torch.manual_seed(3)
    field = perceptron_field(2, 2, (8,))
    with torch.no_grad():
        for parameter in field.parameters():
            parameter.mul_(6)
    record_motion(field, 2 * torch.randn(50, 2), 20, meter, data="annuli")
    assert values(meter)["least_displacement"] < -1


def test_floor_of_the_shift_is_what_the_bound_leaves() -> None:
    assert [shift_floor(variant, 2.0) for variant in ("sigmoid", "relu", "softplus")] == [2.0] * 3
    assert [shift_floor(variant, 2.0) for variant in ("tanh", "elu")] == [1.0] * 2
    assert shift_floor("tanh", 0.5) == 0.0
    assert shift_floor("none", 2.0) == 0.0


def test_drawn_paths_begin_at_the_points(meter: CellMeter) -> None:
    record_coordinates(perceptron_field(2, 2, (4,)), torch.tensor([[1.0, -2.0]]), 1e-4, meter, data="moons")
    assert len(meter.rows) == 11
    assert (meter.rows[0]["depth"], meter.rows[0]["first"], meter.rows[0]["value"]) == (0.0, 1.0, -2.0)
    assert meter.rows[-1]["depth"] == 1.0


@pytest.fixture(scope="module")
def smoke_rows(smoke_records: Path) -> Mapping[str, Rows]:
    return rows_by_variant(smoke_records, "massaroli2020/activations")


def test_every_variant_is_measured_on_every_task(smoke_rows: Mapping[str, Rows]) -> None:
    assert set(smoke_rows) == set(EXPERIMENT.variants)
    for variant, rows in smoke_rows.items():
        assert {row["data"] for row in rows if row["metric"] == "least_speed"} == {"annuli", "moons", "shift"}
        assert {row["data"] for row in rows if row["metric"] == "test_mse"} == {"annuli", "moons"}
        (error,) = (row["value"] for row in rows if row["metric"] == "shift_error")
        assert error >= shift_floor(variant, 2.0) - 1e-3


def test_paper_profile_is_the_declared_setting() -> None:
    assert EXPERIMENT.profiles["paper"] == ActivationSettings()
    assert EXPERIMENT.variants[-1] == "none"
