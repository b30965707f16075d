import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import integrate
from torch import Tensor, nn

from suite.declarations import Cell
from suite.experiments.massaroli2020.depth_grid import solver_options
from suite.experiments.massaroli2020.fig2 import Fig2
from suite.experiments.massaroli2020.fig2_settings import Fig2Settings
from suite.experiments.massaroli2020.tracking import (
    initial_conditions,
    integral_loss,
    signal,
    tracking_field,
)
from suite.experiments.massaroli2020.tracking_test import Tracks, follow, go_on, measure_tracking
from suite.harness.meter import CellMeter
from suite.harness.observer import SilentObserver
from suite.models.depth_varying import StackedField
from suite.models.two_layer_fields import DepthDependent
from suite.solvers.errors import NonFiniteError
from tests.smoke_rows import Rows, rows_by_variant

EXPERIMENT = Fig2()


def new_meter() -> CellMeter:
    cell = Cell(EXPERIMENT.id, "fourier", 0, "smoke", EXPERIMENT.profiles["smoke"], "cpu")
    return CellMeter(cell, None, SilentObserver(), keep=lambda model: None, trained=lambda spec, seed: nn.Identity())


class Attracted(nn.Module):
    """``beta'(s) + rate (beta(s) - z)``: the distance from the signal decays as ``exp(-rate s)``."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        beta = signal(s)
        velocity = 2 * math.pi * torch.stack([-beta[1], beta[0]])
        return velocity + self.rate * (beta - z)


def trained(variant: str) -> DepthDependent:
    """A field in double precision whose parameters are all drawn at random, as after some training."""
    torch.manual_seed(1)
    field = tracking_field(variant, hidden=4, degree=2, harmonics=2, misfit_period=1.5).double()
    with torch.no_grad():
        for parameter in field.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return field


def conditions(count: int) -> Tensor:
    return initial_conditions(count, 0.1, torch.Generator().manual_seed(2)).double()


@pytest.fixture(scope="module")
def smoke_rows(smoke_records: Path) -> Mapping[str, Rows]:
    """The measurements of each variant's smoke cell."""
    return rows_by_variant(smoke_records, "massaroli2020/fig2")


def test_loss_of_standing_still_is_its_closed_form() -> None:
    field = trained("vanilla")
    with torch.no_grad():
        for parameter in field.parameters():
            parameter.zero_()
    z0 = conditions(3)
    # The signal's mean is 0 and its square 1.
    expected = (z0.square().sum(dim=1) + 1).mean()
    torch.testing.assert_close(integral_loss(field, z0, rtol=1e-9, atol=1e-9), expected)


@pytest.mark.parametrize("variant", ["depth-concatenated", "stacked-5", "fourier"])
def test_integral_loss_is_that_of_scipy(variant: str) -> None:
    field, z0 = trained(variant), conditions(1)

    def augmented(s: float, state: np.ndarray[Any, Any]) -> list[float]:
        with torch.no_grad():
            velocity = field(torch.tensor(s, dtype=torch.float64), torch.from_numpy(state[None, :2]))[0]
        beta = (math.cos(2 * math.pi * s), math.sin(2 * math.pi * s))
        return [*velocity.tolist(), (state[0] - beta[0]) ** 2 + (state[1] - beta[1]) ** 2]

    start = [*z0[0].tolist(), 0.0]
    found = integrate.solve_ivp(augmented, (0, 1), start, rtol=1e-8, atol=1e-8, max_step=0.05)
    by_tolerance = integral_loss(field, z0, rtol=1e-8, atol=1e-8).detach()
    assert float(by_tolerance) == pytest.approx(found.y[2, -1], rel=1e-5)
    by_steps = integral_loss(field, z0, method="heun3", steps=100).detach()
    assert float(by_steps) == pytest.approx(found.y[2, -1], rel=1e-3)


@pytest.mark.parametrize("variant", ["stacked-5", "chebyshev", "released"])
@pytest.mark.parametrize("gradient", ["direct", "adjoint"])
def test_gradient_matches_finite_differences(variant: str, gradient: str) -> None:
    field, z0 = trained(variant), conditions(2)
    integral_loss(field, z0, rtol=1e-8, atol=1e-8, gradient=gradient).backward()
    torch.manual_seed(3)
    directions = [torch.randn_like(parameter) for parameter in field.parameters()]
    slope = 0.0
    for parameter, direction in zip(field.parameters(), directions, strict=True):
        assert parameter.grad is not None
        slope += float((parameter.grad * direction).sum())
    values = []
    for step in (1e-4, -2e-4):
        with torch.no_grad():
            for parameter, direction in zip(field.parameters(), directions, strict=True):
                parameter.add_(step * direction)
            values.append(float(integral_loss(field, z0, rtol=1e-9, atol=1e-9)))
    assert slope == pytest.approx((values[0] - values[1]) / 2e-4, rel=1e-5)


def test_errors_of_a_field_that_attracts_are_their_closed_forms() -> None:
    rate, meter = 2.0, new_meter()
    z0 = conditions(5)
    measure_tracking(Attracted(rate), z0, last_depth=3, steps=40, tolerance=1e-9, drawn_steps=10, meter=meter)
    values = {row["metric"]: row["value"] for row in meter.rows if "s" not in row}
    square = float((z0 - signal(torch.zeros(()))).square().sum(dim=1).mean())
    inside = square * (1 - math.exp(-2 * rate)) / (2 * rate)
    assert values["test_error"] == pytest.approx(inside, rel=2e-3)  # the trapezoidal rule's error
    beyond = square * (math.exp(-2 * rate) - math.exp(-6 * rate)) / (2 * rate) / 2
    assert values["extrapolation_error"] == pytest.approx(beyond, rel=0.06)  # a mean over the steps
    # The field itself has the signal's period.
    assert values["repeated_extrapolation_error"] == pytest.approx(values["extrapolation_error"], rel=1e-4)
    largest = {row["s"]: row["value"] for row in meter.rows if row["metric"] == "largest_distance"}
    assert list(largest) == [0.0, 1.0, 2.0, 3.0]
    assert largest[1.0] / largest[0.0] == pytest.approx(math.exp(-rate), rel=1e-4)


def test_only_fields_of_the_signals_period_go_on_as_they_are_repeated() -> None:
    for variant in ("vanilla", "stacked-5", "polynomial", "fourier-misfit", "fourier"):
        meter = new_meter()
        measure_tracking(
            trained(variant), conditions(2), last_depth=2, steps=40, tolerance=1e-9, drawn_steps=10, meter=meter
        )
        values = {row["metric"]: row["value"] for row in meter.rows}
        same = values["extrapolation_error"] == pytest.approx(values["repeated_extrapolation_error"], rel=1e-4)
        assert same == (variant in ("vanilla", "fourier"))


def test_a_field_that_is_stiff_beyond_training_is_followed_all_the_same() -> None:
    """At this rate an explicit method of these steps is unstable; the true distance from the signal is below 1e-8."""
    stiff = Attracted(1e4)
    start = signal(torch.ones((), dtype=torch.float64)) + 0.1 * torch.ones(3, 2, dtype=torch.float64)
    within = Tracks(torch.tensor([0.0, 1.0], dtype=torch.float64), torch.stack([start, start]))
    after = go_on(stiff, within, 3, 1e-8)
    assert after.depths.tolist() == [0.0, 1.0, 2.0, 3.0]
    assert float(after.squared_distances[2:].max()) < 1e-12
    with pytest.raises(NonFiniteError):
        follow(stiff, start, 2, 20)


def test_going_on_is_the_same_flow_as_before() -> None:
    field, z0 = trained("polynomial"), conditions(3)
    whole = follow(field, z0, 2, 100)
    on = go_on(field, follow(field, z0, 1, 100), 2, 1e-9)
    torch.testing.assert_close(on.depths, whole.depths)
    torch.testing.assert_close(on.states, whole.states, rtol=1e-6, atol=1e-6)


def test_steps_of_the_test_stay_inside_the_pieces() -> None:
    """A stack of constant fields is integrated exactly, whatever the method, when no step sees a neighbour."""
    field = trained("stacked-20")
    assert isinstance(field, StackedField)
    with torch.no_grad():
        for number, piece in enumerate(field.fields):
            for parameter in piece.parameters():
                parameter.zero_()
            piece.get_parameter("layers.2.bias").fill_(float(number))
    z0 = torch.zeros(1, 2, dtype=torch.float64)
    states = follow(field, z0, 2, 20).states[:, 0, 0]
    expected = [sum(range(min(step, 20))) / 20 + 19 * max(step - 20, 0) / 20 for step in range(41)]
    torch.testing.assert_close(states, torch.tensor(expected, dtype=torch.float64), rtol=1e-9, atol=1e-9)
    with pytest.raises(ValueError, match="do not end"):
        solver_options(field, "rk4", 10, torch.tensor([0.0, 1.0]))


def test_every_variant_is_measured(smoke_rows: Mapping[str, Rows]) -> None:
    assert set(smoke_rows) == set(EXPERIMENT.variants)
    for variant, rows in smoke_rows.items():
        metrics = {row["metric"] for row in rows}
        assert {"test_error", "extrapolation_error", "repeated_extrapolation_error", "gradient_error"} <= metrics
        assert {"trained_gradient_error", "train_loss", "trajectory", "parameter", "signal", "distance"} <= metrics
        continued = {row["continued"] for row in rows if row["metric"] == "trajectory"}
        assert continued == ({"own"} if variant in ("vanilla", "fourier") else {"own", "repeated"})
        errors = {row["tolerance"]: row["value"] for row in rows if row["metric"] == "gradient_error"}
        assert errors[1e-3] <= errors[1e-2] < 1


def test_paper_profile_is_the_declared_setting() -> None:
    assert EXPERIMENT.profiles["paper"] == Fig2Settings()
    assert all(note.source or note.ours for note in Fig2Settings.notes())
