"""HyperEuler on images: costs of steps, errors on a known solution, crossovers, and what smoke runs measure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import torch

from suite.datasets import ImageClassification
from suite.declarations import DataVersion, Meter
from suite.experiments.poli2020.cifar10 import Cifar10
from suite.experiments.poli2020.image_data import rotated
from suite.experiments.poli2020.image_errors import TerminalError, pixel_errors, terminal_error
from suite.experiments.poli2020.image_measures import interpolated, record_crossover
from suite.experiments.poli2020.image_methods import CLASSICAL, HYPER, Stepping, classical
from suite.experiments.poli2020.image_problem import image_problem
from suite.experiments.poli2020.image_settings import ImageSettings
from suite.experiments.poli2020.mnist import Mnist
from suite.solvers import find
from tests.experiments.poli2020.image_stubs import Remembered, decaying
from tests.smoke_rows import Rows, rows_by_variant

EXPERIMENTS = (Mnist(), Cifar10())


def random_images(count: int = 5) -> ImageClassification:
    images = torch.randn(count, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.zeros(count, dtype=torch.int64)
    return ImageClassification(images, labels, images, labels, DataVersion("none", ""))


@pytest.mark.parametrize("name", CLASSICAL)
def test_evaluations_are_those_that_a_solve_makes(name: str) -> None:
    problem = image_problem(decaying(), random_images(), ImageSettings(map_steps=2))
    stepping = classical(name)
    for evaluations in (4, 8, 12):
        counted = [0]

        def field(t: torch.Tensor, z: torch.Tensor, counted: list[int] = counted) -> torch.Tensor:
            counted[0] += 1
            return -z

        steps = stepping.steps(evaluations)
        replace(problem, field=cast(torch.nn.Module, field)).solved(stepping.method, steps)
        assert counted[0] == evaluations == stepping.evaluations(steps)


def test_released_axis_counts_one_step_too_many() -> None:
    """Released axis minus true evaluations: 1 for Euler, 2 for midpoint, 4 for RK4."""
    for name, offset in (("euler", 1), ("midpoint", 2), ("rk4", 4)):
        stepping = classical(name)
        for position in (8, 12, 40):
            assert position - stepping.evaluations(stepping.steps_on_axis(position)) == offset
    with pytest.raises(ValueError, match="no whole number"):
        classical("rk4").steps(10)
    with pytest.raises(ValueError, match="no grid"):
        classical("rk4").steps_on_axis(4)


def test_cost_of_a_correction_counts_at_every_step() -> None:
    stepping = Stepping(HYPER, find("euler"), 0.816)
    assert stepping.cost(7) == pytest.approx(7 * 1.816)
    assert classical("rk4").cost(3) == 12


def test_errors_of_euler_on_a_decay_are_known() -> None:
    """Euler's ``(1 - 1/K)^K`` against ``1 / e``, for every entry alike."""
    problem = image_problem(decaying(), random_images(), ImageSettings(map_steps=3, reference_tolerance=1e-9))
    torch.testing.assert_close(problem.ends, problem.starts.double() / math.e, rtol=1e-7, atol=1e-9)
    error = terminal_error(problem.solved("euler", 4), problem.ends)
    expected = abs(0.75**4 * math.e - 1)
    assert error.mean_relative == pytest.approx(expected, rel=1e-4)
    assert error.median_relative == pytest.approx(expected, rel=1e-4)
    assert error.relative_l2 == pytest.approx(expected, rel=1e-4)
    assert error.channel_sum == pytest.approx(2 * expected, rel=1e-4)
    stepped = problem.stepped("euler")
    for step in range(4):
        torch.testing.assert_close(stepped[step], problem.starts * (2 / 3) ** step)
    errors = pixel_errors(stepped, problem.path.states)
    size = problem.starts.abs().double().mean(dim=1)
    torch.testing.assert_close(errors[3], size * abs((2 / 3) ** 3 - 1 / math.e), rtol=1e-4, atol=1e-6)


def test_error_between_two_costs_follows_a_power_law() -> None:
    costs = [2.0, 4.0, 16.0]
    assert interpolated(costs, [cost**-2.0 for cost in costs], 8.0) == pytest.approx(1 / 64)
    with pytest.raises(ValueError, match="no error"):
        interpolated(costs, [1.0, 1.0, 1.0], 20.0)


def test_crossover_is_found_on_all_three_axes() -> None:
    """An error ``8 / n`` of n steps meets ``n^-2`` times 64 of a method of two stages where both are equal."""
    own, rival = Stepping(HYPER, find("euler"), 1.0), classical("midpoint")

    def errors(values: Mapping[int, float]) -> dict[int, TerminalError]:
        return {steps: TerminalError(value, value, value, value) for steps, value in values.items()}

    mine = errors({steps: 8 / steps for steps in range(1, 41)})
    theirs = errors({steps: 64 / steps**2 for steps in range(1, 21)})
    meter = Remembered()
    record_crossover((own, mine), (rival, theirs), ImageSettings(), cast(Meter, meter))
    found = {row["counted"]: row["value"] for row in meter.rows}
    # Evaluations n: 8 / n = 64 / (n / 2)^2 at 32; operations c: 16 / c = 256 / c^2 at 16.
    assert found["evaluations"] == pytest.approx(32, abs=0.2)
    assert found["operations"] == pytest.approx(16, abs=0.2)
    # Positions a: 8 / (a - 1) = 64 / (a / 2 - 1)^2, a^2 - 36 a + 36 = 0.
    assert found["axis"] == pytest.approx(18 + math.sqrt(288), abs=0.2)


def test_images_are_turned_about_their_middle() -> None:
    images = torch.rand(1, 2, 6, 6)
    part = 2 * float(torch.rand(1, generator=torch.Generator().manual_seed(3))) - 1
    turned = rotated(images, 90 / part, torch.Generator().manual_seed(3))
    candidates = [images.rot90(1, (2, 3)), images.rot90(-1, (2, 3))]
    assert any(torch.allclose(turned, each, atol=1e-4) for each in candidates)
    assert rotated(images, 0.0, torch.Generator()) is images


@pytest.fixture(scope="module")
def smoke_rows(smoke_records: Path) -> Mapping[tuple[str, str], Rows]:
    """The measurements of each experiment's and variant's smoke cell."""
    return {
        (name, variant): rows
        for name in ("mnist", "cifar10")
        for variant, rows in rows_by_variant(smoke_records, f"poli2020/{name}").items()
    }


def test_every_method_is_measured_at_the_same_evaluations(smoke_rows: Mapping[tuple[str, str], Rows]) -> None:
    for experiment in EXPERIMENTS:
        name = experiment.id.split("/")[1]
        for variant in (*CLASSICAL, HYPER):
            rows = smoke_rows[name, variant]
            for metric in ("relative_l2_error", "accuracy_loss", "milliseconds", "cost"):
                assert [row["nfe"] for row in rows if row["metric"] == metric] == [4, 8]
            assert [row["axis_nfe"] for row in rows if row["metric"] == "axis_error"] == [8]
            steps = [row["step"] for row in rows if row["metric"] == "largest_pixel_error"]
            assert steps == [1, 2]
        rivals = {row["rival"] for row in smoke_rows[name, HYPER] if row["metric"] == "crossover"}
        assert rivals == set(CLASSICAL)


def test_nominal_trajectories_are_solved_once_for_each_batch(smoke_rows: Mapping[tuple[str, str], Rows]) -> None:
    """Four iterations, and a batch that serves two of them."""
    for name in ("mnist", "cifar10"):
        assert [row["value"] for row in smoke_rows[name, HYPER] if row["metric"] == "nominal_solves"] == [2]


def test_overhead_is_counted_as_by_hand(smoke_rows: Mapping[tuple[str, str], Rows]) -> None:
    """Products of channels at the two ends of each convolution; the height and the width cancel."""
    for name, (c, h, g) in (("mnist", (8, 12, 8)), ("cifar10", (8, 20, 13))):
        expected = 1 + ((2 * c + 1) * g + g * g + g * c) / (2 * c * h + h * h)
        found = [row["value"] for row in smoke_rows[name, "node"] if row["metric"] == "overhead"]
        assert found == [pytest.approx(expected)]
        costs = {row["nfe"]: row["value"] for row in smoke_rows[name, HYPER] if row["metric"] == "cost"}
        assert costs[8] == pytest.approx(8 * expected)
