"""Figure 3: what its statistics measure, on problems whose solutions and gradients are known."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from suite import datasets, odeint
from suite.declarations import Cell
from suite.experiments.chen2018.fig3 import TRAINED, TRAINING, Fig3, Fig3Settings
from suite.experiments.chen2018.solve_statistics import Solver, measure_backward, measure_forward, relative_error
from suite.experiments.chen2018.trained_problem import Reference, TrainedProblem, in_double_precision, reference
from suite.harness.meter import CellMeter
from suite.harness.observer import SilentObserver
from suite.models import ConvolutionalField, ImageClassifier, ODEBlock
from suite.models.dynamics import LinearDecay
from tests.smoke_rows import Rows, rows_by_variant

EXPERIMENT = Fig3()


@pytest.fixture(scope="module")
def smoke_rows(smoke_records: Path) -> Mapping[str, Rows]:
    """The measurements of each variant's smoke cell."""
    return rows_by_variant(smoke_records, "chen2018/fig3")


def make_meter(variant: str = TRAINING, **changes: Any) -> tuple[Cell, CellMeter]:
    settings = dataclasses.replace(EXPERIMENT.profiles["smoke"], **changes)
    version = datasets.resolve("mnist", download=False, stand_in=True)
    cell = Cell(EXPERIMENT.id, variant, 0, "smoke", settings, "cpu", (version,))
    return cell, CellMeter(
        cell, None, SilentObserver(), keep=lambda model: None, trained=lambda spec, seed: nn.Identity()
    )


def values(rows: Rows, metric: str) -> list[float]:
    return [row["value"] for row in rows if row["metric"] == metric]


@pytest.fixture(scope="module")
def problem() -> TrainedProblem:
    """Two images as an untrained network of four channels sees them."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = ImageClassifier(ODEBlock(ConvolutionalField(4)), channels=4, stem_kind="res")
        return TrainedProblem.of(in_double_precision(network), torch.rand(2, 1, 28, 28), torch.tensor([3, 7]))


class SmoothField(nn.Module):
    """A small field without kinks, where every method converges at its order."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(3, 8), nn.Linear(8, 3)

    def forward(self, t: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        derivative: torch.Tensor = self.outer(torch.tanh(2 * self.inner(z) + t))
        return derivative


def smooth() -> TrainedProblem:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        z0 = torch.randn(2, 3, dtype=torch.float64)
        return TrainedProblem(SmoothField().double(), nn.Linear(3, 10).double(), z0, torch.tensor([1, 4]))


def decay(rate: float) -> tuple[TrainedProblem, Reference]:
    """A problem whose final state is known: every entry decays at one rate."""
    z0 = torch.tensor([[1.0, -2.0]], dtype=torch.float64)
    field = LinearDecay((rate, rate))
    return TrainedProblem(field, nn.Identity(), z0, torch.tensor([0])), Reference(math.exp(-rate) * z0, None)


def test_every_variant_measures_what_the_figure_shows(smoke_rows: Mapping[str, Rows]) -> None:
    assert set(smoke_rows) == set(EXPERIMENT.variants)
    settings = Fig3Settings.of(EXPERIMENT.profiles["smoke"])
    for variant, rows in smoke_rows.items():
        assert min(values(rows, EXPERIMENT.headline)) > 0
        if variant == TRAINING:
            assert {row["tolerance"] for row in rows} == set(settings.training_tolerances)
            continue
        solves = len(settings.tolerances) * (settings.images + 1)
        for metric in ("nfe_forward", "numerical_error", "scaled_error", "forward_seconds", "reconstruction_error"):
            assert len(values(rows, metric)) == solves
        scaled = settings.scaled_images * len(settings.scaled_tolerances) * (len(settings.loss_scales) - 1)
        assert len(values(rows, "nfe_backward")) == len(values(rows, "nfe_ratio")) == solves + scaled
        assert len(values(rows, "gradient_error")) == len(settings.tolerances) * settings.scaled_images + scaled


def test_solver_variants_share_the_reference_and_the_trained_network(smoke_rows: Mapping[str, Rows]) -> None:
    differences = {
        variant: values(rows, "reference_error") for variant, rows in smoke_rows.items() if variant != TRAINING
    }
    assert all(each == differences["vode_adams"] for each in differences.values())
    # Forwards, a seminorm changes nothing.
    for method in ("dopri5", "vode_adams"):
        plain, seminorm = smoke_rows[method], smoke_rows[f"{method}-seminorm"]
        assert values(plain, "numerical_error") == values(seminorm, "numerical_error")
    cell, _ = make_meter("dopri5")
    assert list(EXPERIMENT.needs(cell)) == [TRAINED]
    assert not EXPERIMENT.needs(make_meter(TRAINING)[0])


def test_gradient_of_the_reference_is_that_of_finite_differences(problem: TrainedProblem) -> None:
    exact = reference(problem, 8, with_gradient=True)
    assert exact.gradient is not None
    parameter = problem.parameters[2]
    direction = torch.randn(parameter.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    losses = []
    with torch.no_grad():
        for sign in (1, -1):
            parameter += sign * 1e-6 * direction
            losses.append(float(problem.loss(reference(problem, 8, with_gradient=False).z1)))
            parameter -= sign * 1e-6 * direction
    start = sum(each.numel() for each in problem.parameters[:2])
    slope = float(exact.gradient[start : start + parameter.numel()] @ direction.flatten())
    assert (losses[0] - losses[1]) / 2e-6 == pytest.approx(slope, rel=1e-4)


@pytest.mark.parametrize("variant", ["dopri5", "dopri5-seminorm", "vode_adams", "vode_adams-seminorm"])
def test_every_reverse_solve_approaches_the_gradient_of_direct_backpropagation(variant: str) -> None:
    problem = smooth()
    exact = reference(problem, 64, with_gradient=True).gradient
    assert exact is not None
    errors = [
        relative_error(Solver.of(variant).backwards(problem, tolerance, 1.0)[1], exact) for tolerance in (1e-3, 1e-8)
    ]
    assert errors[1] < 1e-5
    assert errors[1] < errors[0] / 10


def test_a_factor_on_the_loss_cancels_in_a_direct_gradient_and_costs_evaluations_in_a_reverse_solve() -> None:
    problem = smooth()
    gradients = []
    for scale in (1.0, 1000.0):
        states = odeint(problem.field, problem.z0, problem.times, method="rk4")
        assert isinstance(states, torch.Tensor)
        gradients.append(problem.gradient(states[-1], scale))
    torch.testing.assert_close(gradients[0], gradients[1])
    plain, scaled = (Solver.of("dopri5").backwards(problem, 1e-6, scale) for scale in (1.0, 1000.0))
    assert scaled[0] > plain[0]
    assert relative_error(scaled[1], plain[1]) < 1e-2


def test_errors_are_those_of_the_exact_solution_in_the_norms_they_name() -> None:
    exact_problem, exact = decay(2.0)
    _, meter = make_meter("dopri5")
    solver = Solver.of("dopri5")
    evaluations = measure_forward(exact_problem, exact, solver, 1e-3, repeats=2, meter=meter, per="image", index=0)
    solution = solver.forwards(exact_problem, 1e-3)
    error = (solution.states[-1] - exact.z1).flatten()
    assert values(meter.rows, "nfe_forward") == [evaluations] == [solution.statistics.nfe]
    assert values(meter.rows, "numerical_error") == pytest.approx([float((error**2).mean().sqrt())])
    scale = 1 + exact_problem.z0.abs().flatten()  # a decaying state is largest at its start
    assert values(meter.rows, "scaled_error") == pytest.approx([float(((error / scale) ** 2).mean().sqrt())])
    assert 0 < values(meter.rows, "reconstruction_error")[0] < 1
    assert values(meter.rows, "forward_seconds")[0] > 0


def test_reverse_evaluations_are_counted_apart_and_set_against_the_forward_ones(problem: TrainedProblem) -> None:
    _, meter = make_meter("dopri5")
    solver, exact = Solver.of("dopri5"), reference(problem, 16, with_gradient=True)
    measure_backward(problem, exact, solver, 1e-3, 1.0, forward=20, meter=meter, per="image", index=0)
    (backward,) = values(meter.rows, "nfe_backward")
    assert values(meter.rows, "nfe_ratio") == [backward / 20]
    assert backward % 6 == 2  # two for the first step's size, six for each step after


def test_counts_of_training_are_means_of_minibatches_and_both_tolerances_see_the_same_data() -> None:
    # One Euler step ignores the tolerance: what differs between the two trainings would be weights or minibatches.
    cell, meter = make_meter(method="euler", probe_methods=("dopri5",), training_images=16, batch_size=4, parts=4)
    EXPERIMENT.run(cell, meter)
    counts = [row for row in meter.rows if row["metric"] == "nfe_forward"]
    assert [row["epoch"] for row in counts] == [0.25, 0.5, 0.75, 1.0] * 2
    assert {row["value"] for row in counts} == {1}
    loose, tight = values(meter.rows, "train_loss")
    assert loose == tight
    assert sum(row["epoch"] == 0 for row in meter.rows if row["metric"] == "nfe_probe") == 2


def test_divergence_is_a_floating_point_error() -> None:
    cell, meter = make_meter(method="euler", probe_methods=(), learning_rate=1e30, epochs=3)
    with pytest.raises(FloatingPointError, match=r"not finite|diverged"):
        EXPERIMENT.run(cell, meter)


def test_paper_profile_is_the_published_setting() -> None:
    assert EXPERIMENT.profiles["paper"] == Fig3Settings()
    assert all(note.source or note.ours for note in Fig3Settings.notes())
