"""Section 6: minibatches, round trips and tolerances of training, on problems whose answers are known."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from suite import datasets
from suite.declarations import Cell
from suite.experiments.chen2018.section6 import ODE_NET, TRAINED, Section6
from suite.experiments.chen2018.section6_settings import Section6Settings
from suite.experiments.chen2018.shared_steps import SampledProblem, measure_minibatches, measure_round_trip
from suite.experiments.chen2018.training_tolerance import train_classifiers
from suite.harness.meter import CellMeter
from suite.harness.observer import SilentObserver
from suite.models.dynamics import LinearDecay
from tests.smoke_rows import Rows, rows_by_variant

EXPERIMENT = Section6()


@pytest.fixture(scope="module")
def smoke_rows(smoke_records: Path) -> Mapping[str, Rows]:
    """The measurements of each variant's smoke cell."""
    return rows_by_variant(smoke_records, "chen2018/section6")


def make_meter(variant: str = "mild") -> CellMeter:
    version = datasets.resolve("mnist", download=False, stand_in=True)
    cell = Cell(EXPERIMENT.id, variant, 0, "smoke", EXPERIMENT.profiles["smoke"], "cpu", (version,))
    return CellMeter(cell, None, SilentObserver(), keep=lambda model: None, trained=lambda spec, seed: nn.Identity())


def values(rows: Rows, metric: str, **axes: Any) -> list[float]:
    return [row["value"] for row in rows if row["metric"] == metric and axes.items() <= row.items()]


def decay(rates: tuple[float, ...], samples: torch.Tensor) -> SampledProblem:
    return SampledProblem(LinearDecay(rates), samples.double(), 1.0)


def test_every_variant_measures_its_trial(smoke_rows: Mapping[str, Rows]) -> None:
    assert set(smoke_rows) == set(EXPERIMENT.variants)
    for variant, rows in smoke_rows.items():
        assert min(values(rows, EXPERIMENT.headline)) > 0
        solved = variant in ("contracting", "mixed-stiffness", "mild", ODE_NET)
        assert bool(values(rows, "nfe_over_single")) == solved
        assert bool(values(rows, "round_trip_error")) == (variant not in ("mixed-stiffness", "classifier-tolerance"))
        assert bool(values(rows, "test_error")) == (variant == "classifier-tolerance")
        assert bool(values(rows, "excess_nll")) == (variant == "density-tolerance")


def test_equal_samples_take_the_steps_of_one_and_have_its_error() -> None:
    meter = make_meter()
    problem = decay((2.0, 2.0), torch.ones(8, 2))
    measure_minibatches(
        problem, (1, 4, 8, 16), method="dopri5", tolerance=1e-3, reference_tolerance=1e-10, watched=4, meter=meter
    )
    end, single = problem.solved(problem.samples[:1], "dopri5", 1e-3)
    for metric in ("nfe_single", "nfe_forward", "nfe_per_sample"):
        assert values(meter.rows, metric) == [single] * 3  # 16 are more than there are
    assert values(meter.rows, "nfe_over_single") == [1.0] * 3
    error = float((end - math.exp(-2.0)).abs().max())
    assert values(meter.rows, "joint_error") == pytest.approx([error] * 3, rel=1e-4)
    assert values(meter.rows, "alone_error") == pytest.approx([error] * 3, rel=1e-4)


def test_evaluations_of_single_samples_are_those_of_solving_each_alone() -> None:
    meter = make_meter()
    problem = decay((3.0, 1.0), torch.logspace(-3, 2, 6)[:, None].expand(6, 2))
    measure_minibatches(
        problem, (6,), method="dopri5", tolerance=1e-4, reference_tolerance=1e-8, watched=1, meter=meter
    )  # fmt: skip
    alone = [problem.solved(sample[None], "dopri5", 1e-4)[1] for sample in problem.samples]
    assert len(set(alone)) > 1
    assert values(meter.rows, "nfe_single") == pytest.approx([sum(alone) / 6])
    assert values(meter.rows, "nfe_per_sample") == [max(alone)]


def test_a_sample_that_needs_short_steps_is_averaged_away_in_a_large_batch() -> None:
    # Amplitudes differ, so that at one absolute tolerance one sample of 64 needs short steps.
    samples = torch.full((64, 2), 1e-6)
    samples[0] = 100.0
    meter = make_meter()
    measure_minibatches(
        decay((3.0, 3.0), samples), (1, 64), method="dopri5", tolerance=1e-4, reference_tolerance=1e-10, watched=2,
        meter=meter,
    )  # fmt: skip
    assert values(meter.rows, "nfe_forward", batch=64)[0] < values(meter.rows, "nfe_forward", batch=1)[0]
    assert values(meter.rows, "joint_error", batch=64)[0] > 2 * values(meter.rows, "alone_error", batch=64)[0]
    assert values(meter.rows, "nfe_per_sample", batch=64) == values(meter.rows, "nfe_per_sample", batch=1)


def test_a_round_trip_misses_by_what_a_contracting_field_makes_of_an_error_and_not_at_all_where_nothing_moves() -> None:
    missed = {}
    for rate in (0.0, 1.0, 12.0):
        meter = make_meter()
        problem = decay((rate, rate), torch.tensor([[1.0, -0.5]]))
        measure_round_trip(problem, 1, method="dopri5", tolerances=(1e-5,), meter=meter)
        (missed[rate],) = values(meter.rows, "round_trip_error")
        assert values(meter.rows, "round_trip_factor") == pytest.approx([missed[rate] / 1e-5])
    assert missed[0.0] == 0
    assert missed[1.0] < 1e-4
    end, _ = problem.solved(problem.samples, "dopri5", 1e-5)
    at_the_end = float((end - math.exp(-12.0) * problem.samples).abs().max())
    assert missed[12.0] > 0.1 * at_the_end * math.exp(12.0)


def test_classifiers_differ_in_nothing_but_the_tolerance() -> None:
    meter = make_meter("classifier-tolerance")
    smoke = EXPERIMENT.profiles["smoke"]
    assert isinstance(smoke, Section6Settings)
    # One Euler step ignores the tolerance.
    train_classifiers(meter.dataset("mnist"), dataclasses.replace(smoke, method="euler"), meter)
    assert len(set(values(meter.rows, "train_loss"))) == len(set(values(meter.rows, "test_error"))) == 1
    assert values(meter.rows, "nfe_forward") == [1] * len(smoke.training_tolerances)


def test_likelihood_at_the_tightest_tolerance_is_that_of_training_there(smoke_rows: Mapping[str, Rows]) -> None:
    rows = smoke_rows["density-tolerance"]
    tightest = min(row["tolerance"] for row in rows)
    assert values(rows, "excess_nll", tolerance=tightest) == values(rows, "excess_nll_as_trained", tolerance=tightest)
    assert min(values(rows, "excess_nll")) > 0  # hardly trained: far above the true density


def test_only_the_trained_network_is_needed_and_the_paper_profile_is_the_default() -> None:
    for variant in EXPERIMENT.variants:
        cell = Cell(EXPERIMENT.id, variant, 0, "smoke", EXPERIMENT.profiles["smoke"], "cpu")
        assert list(EXPERIMENT.needs(cell)) == ([TRAINED] if variant == ODE_NET else [])
    assert EXPERIMENT.profiles["paper"] == Section6Settings()
    assert all(note.source or note.ours for note in Section6Settings.notes())
