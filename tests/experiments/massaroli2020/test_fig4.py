import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from suite.declarations import Cell
from suite.experiments.massaroli2020 import fig4_training
from suite.experiments.massaroli2020.fig4 import MIXTURE, Fig4
from suite.experiments.massaroli2020.fig4_scores import record_likelihoods, record_mass, true_log_density
from suite.experiments.massaroli2020.fig4_settings import Fig4Settings
from suite.experiments.massaroli2020.fig4_training import draw, new_densities
from suite.harness.meter import CellMeter
from suite.harness.observer import SilentObserver
from suite.models import parameter_count
from tests.smoke_rows import Rows, rows_by_variant
from tests.solvers.tape_recorder import TapedSteps

EXPERIMENT = Fig4()
TARGETS = ["moons", "spirals", "ring"]


class Written:
    """A meter that keeps what is recorded."""

    device = torch.device("cpu")

    def __init__(self) -> None:
        self.rows: Rows = []

    def record(self, metric: str, value: float, unit: str, **axes: Any) -> None:
        self.rows.append({"metric": metric, "value": value, "unit": unit, **axes})

    def of(self, metric: str) -> dict[str, float]:
        return by_target(self.rows, metric)


def by_target(rows: Rows, metric: str) -> dict[str, float]:
    return {row.get("target", ""): row["value"] for row in rows if row["metric"] == metric}


@pytest.fixture(scope="module")
def smoke_rows(smoke_records: Path) -> Mapping[str, Rows]:
    """The measurements of each variant's smoke cell."""
    return rows_by_variant(smoke_records, "massaroli2020/fig4")


def test_every_variant_is_scored_on_every_class(smoke_rows: Mapping[str, Rows]) -> None:
    assert set(smoke_rows) == set(EXPERIMENT.variants)
    for variant, rows in smoke_rows.items():
        assert list(by_target(rows, "test_nll")) == TARGETS
        mean = sum(by_target(rows, "test_nll").values()) / 3
        assert by_target(rows, "test_nll_mean")[""] == pytest.approx(mean, abs=1e-9)
        expected = [MIXTURE] if variant in ("unconditional", "self-control") else TARGETS
        assert list(by_target(rows, "mass")) == expected


def test_only_control_by_the_sample_has_another_determinant(smoke_rows: Mapping[str, Rows]) -> None:
    for variant in set(EXPERIMENT.variants) - {"truth", "self-control"}:
        assert max(by_target(smoke_rows[variant], "log_determinant_gap").values()) < 1e-5
    assert min(by_target(smoke_rows["self-control"], "log_determinant_gap").values()) > 1e-3


def test_way_back_ends_where_it_began(smoke_rows: Mapping[str, Rows]) -> None:
    for variant in ("unconditional", "separate", "conditional"):
        rows = [row for row in smoke_rows[variant] if row["metric"] == "round_trip_rms"]
        assert len(rows) == 6
        assert all(row["value"] < 100 * row["tolerance"] for row in rows)


def test_truth_has_no_excess_and_integrates_to_one_on_the_coarsest_grid_that_is_judged() -> None:
    settings = Fig4Settings.of(EXPERIMENT.profiles["quick"])
    meter, truth = Written(), true_log_density(settings)
    test = draw(settings, 50, torch.Generator().manual_seed(0), meter.device)
    record_likelihoods(truth, test, settings, meter, mixed=True)  # type: ignore[arg-type]
    assert max(map(abs, meter.of("excess_nll").values())) < 1e-9
    assert abs(meter.of("excess_mixture_nll")[""]) < 1e-9
    record_mass(truth, TARGETS, settings, meter)  # type: ignore[arg-type]
    assert max(meter.of("mass_error").values()) < 1e-4


def test_mixture_of_class_densities_is_their_mean() -> None:
    settings = Fig4Settings()
    densities = [torch.tensor([0.1, 0.4]), torch.tensor([0.2, 0.1]), torch.tensor([0.6, 0.1])]

    def density(label: int, x: Tensor) -> Tensor:
        return densities[label].log().repeat(len(x) // 2)

    meter = Written()
    record_likelihoods(density, torch.zeros(3, 2, 2), settings, meter, mixed=True)  # type: ignore[arg-type]
    assert meter.of("mixture_nll")[""] == pytest.approx(-(math.log(0.3) + math.log(0.2)) / 2, abs=1e-6)
    # Told that every density is that of the mixture, the first is taken as it is.
    record_likelihoods(density, torch.zeros(3, 2, 2), settings, meter, mixed=False)  # type: ignore[arg-type]
    assert meter.of("mixture_nll")[""] == pytest.approx(-(math.log(0.1) + math.log(0.4)) / 2, abs=1e-6)


@pytest.mark.parametrize("profile", ["quick", "laptop", "paper"])
def test_narrow_flows_have_about_the_parameters_of_the_conditional_one_and_wide_ones_three_times(profile: Any) -> None:
    settings = Fig4Settings.of(EXPERIMENT.profiles[profile])
    counts = {
        name: parameter_count(new_densities(name, settings)) for name in ("separate-narrow", "separate", "conditional")
    }
    assert counts["separate-narrow"] / counts["conditional"] == pytest.approx(1.0, abs=0.05)
    assert counts["separate"] / counts["conditional"] == pytest.approx(3.0, abs=0.1)


def test_variants_train_on_the_same_points_and_test_on_others() -> None:
    settings = Fig4Settings.of(EXPERIMENT.profiles["smoke"])
    one, same, other = (draw(settings, 5, torch.Generator().manual_seed(s), torch.device("cpu")) for s in (0, 0, 1))
    assert one.shape == (3, 5, 2)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_paper_profile_is_the_declared_setting() -> None:
    assert EXPERIMENT.profiles["paper"] == Fig4Settings()
    assert all(note.source or note.ours for note in Fig4Settings.notes())


@pytest.mark.parametrize("variant", ["conditional", "separate"])
def test_recorded_steps_train_as_those_of_the_host(variant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    smoke = EXPERIMENT.profiles["smoke"]
    assert isinstance(smoke, Fig4Settings)
    settings = dataclasses.replace(smoke, gradient="adjoint", iterations=6, checks=2, tolerance=1e-3)
    steps, found = TapedSteps(), []
    for recorded in (False, True):
        if recorded:
            monkeypatch.setattr(fig4_training, "GraphedStep", steps)
        cell = Cell(EXPERIMENT.id, variant, 0, "smoke", settings, "cpu")
        meter = CellMeter(
            cell, None, SilentObserver(), keep=lambda model: None, trained=lambda spec, seed: nn.Identity()
        )
        torch.manual_seed(0)
        fig4_training.train(new_densities(variant, settings), settings, meter)
        found.append({row["iteration"]: row["value"] for row in meter.rows if row["metric"] == "validation_nll"})
    ((step, recorder),) = steps.made
    assert (step.fallback, recorder.captures) == ("", 2)
    assert found[1] == pytest.approx(found[0], rel=1e-3)
