"""The precision cross-check: variants begin alike, errors of a decay are known, and a smoke run measures everything."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, cast

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from reference.crosschecks.precision import THROUGHPUT, Precision, PrecisionSettings, _untrained
from reference.crosschecks.precision_solves import arithmetic, measure_solves
from reference.crosschecks.tf32_products import to_tf32
from suite.declarations import Cell, Meter
from suite.experiments.chen2018.table1 import Table1
from suite.experiments.throughput import Throughput, throughput_of
from suite.harness import records
from suite.harness.meter import CellMeter
from suite.harness.observer import SilentObserver
from suite.models import ODEBlock


class Decay(nn.Module):
    """``f(t, y) = -a y`` by a convolution of one weight, so that a precision rounds ``a`` and ``y``."""

    def __init__(self, a: float) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 1, 1, bias=False)
        self.convolution.weight.data.fill_(-a)

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        derivative: Tensor = self.convolution(y)
        return derivative


class Remembered:
    """A meter of the CPU that keeps its rows."""

    device = torch.device("cpu")

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def record(self, metric: str, value: float, unit: str, **axes: float) -> None:
        self.rows.append({"metric": metric, "value": value, **axes})


def meter_of(variant: str, seed: int = 0) -> CellMeter:
    cell = Cell(Precision.id, variant, seed, "smoke", Precision.profiles["smoke"], "cpu")
    return CellMeter(cell, None, SilentObserver(), keep=lambda model: None, trained=lambda spec, seed: nn.Identity())


def test_every_variant_of_a_seed_begins_with_the_same_weights() -> None:
    settings = PrecisionSettings.of(Precision.profiles["smoke"])
    state = torch.get_rng_state()
    models = {variant: _untrained(settings, meter_of(variant))[0] for variant in Precision.variants}
    assert torch.equal(torch.get_rng_state(), state)
    other, _ = _untrained(settings, meter_of("float32-contiguous", seed=1))
    baseline = models["float32-contiguous"].state_dict()
    for model in models.values():
        assert all(torch.equal(value, baseline[name]) for name, value in model.state_dict().items())
    assert not all(torch.equal(value, baseline[name]) for name, value in other.state_dict().items())


@pytest.mark.parametrize(("precision", "bits"), [("float32", 24), ("tf32", 11), ("bfloat16", 8)])
def test_error_of_a_decay_is_the_rounding_of_its_rate(precision: str, bits: int) -> None:
    """``y(1) = exp(-a') y(0)`` of the rounded rate ``a'``: the error over the change has a closed form."""
    rate = 1 + 0.45 * 2.0 ** (1 - bits) if bits < 20 else 1.0
    block = ODEBlock(Decay(rate), rtol=1e-6, atol=1e-6)
    # States of few bits, which no precision rounds at the start; on the way they are, by half a unit at most.
    starts = torch.tensor([0.5, 1.0, -1.5, 0.75]).reshape(4, 1, 1, 1)
    meter = Remembered()
    measure_solves(
        block,
        starts,
        Throughput(precision),
        tolerances=(1e-6,),
        reference_tolerance=1e-11,
        meter=cast(Meter, meter),
    )
    found = {row["metric"]: row["value"] for row in meter.rows}
    assert found["float32_error"] < 3e-6
    assert found["float32_nfe"] % 6 == 2
    rate_error = abs(math.exp(-1) - math.exp(-rate)) / (1 - math.exp(-rate))
    half_unit = 2.0**-bits
    assert found["solve_error"] <= rate_error + half_unit + 3e-6
    if precision == "float32":
        assert found["solve_error"] == found["float32_error"]
        assert found["solve_nfe"] == found["float32_nfe"]
    else:
        assert found["solve_error"] > 0.2 * half_unit
    assert block.nfe_forward == found["float32_nfe"]  # the reference is not counted


def test_a_cpu_rounds_as_tf32_and_only_then() -> None:
    field, state = Decay(1 / 3), torch.full((1, 1, 1, 1), 1 / 7)
    cpu = torch.device("cpu")
    for precision, expected in (
        ("float32", state * torch.tensor(-1 / 3)),
        ("tf32", to_tf32(state) * to_tf32(torch.tensor(-1 / 3))),
        ("bfloat16", (state.bfloat16() * torch.tensor(-1 / 3).bfloat16()).float()),
    ):
        # A module of one argument, as networks are.
        with torch.no_grad(), arithmetic(Throughput(precision), cpu, field.convolution):
            torch.testing.assert_close(field.convolution(state), expected, rtol=1e-7, atol=0.0)


def test_the_last_variant_is_the_paper_profiles_way() -> None:
    assert THROUGHPUT[Precision.variants[-1]] == throughput_of(Table1.profiles["paper"])
    assert all(note.ours for note in PrecisionSettings.notes())


@pytest.fixture(scope="module")
def rows(smoke_records: Path) -> pd.DataFrame:
    found = records.load(smoke_records).rows
    return found[found["experiment"] == Precision.id]


def test_a_smoke_run_measures_every_variant(rows: pd.DataFrame) -> None:
    settings = PrecisionSettings.of(Precision.profiles["smoke"])
    for variant in Precision.variants:
        mine = rows[rows["variant"] == variant]
        for metric in ("test_error", "train_loss", "nfe_forward", "nfe_backward", "epoch_seconds"):
            assert list(mine.loc[mine["metric"] == metric, "epoch"]) == list(range(1, settings.epochs + 1))
        for metric in ("solve_error", "solve_nfe", "float32_error", "float32_nfe"):
            assert list(mine.loc[mine["metric"] == metric, "tolerance"]) == list(settings.tolerances)
        for metric in ("test_error_last", "nfe_forward_last", "nfe_backward_last", "changed_classes", "test_size"):
            assert len(mine[mine["metric"] == metric]) == 1


def test_float32_is_compared_with_itself_and_memory_formats_round_alike(rows: pd.DataFrame) -> None:
    def values(variant: str, metric: str) -> list[float]:
        return [float(value) for value in rows.loc[(rows["variant"] == variant) & (rows["metric"] == metric), "value"]]

    for variant in ("float32-contiguous", "float32-channels-last"):
        assert values(variant, "changed_classes") == [0.0]
        assert values(variant, "solve_error") == values(variant, "float32_error")
    losses = {variant: values(variant, "train_loss")[0] for variant in Precision.variants}
    assert max(losses.values()) - min(losses.values()) < 0.1
    assert losses["float32-contiguous"] == pytest.approx(losses["float32-channels-last"], rel=1e-3)
