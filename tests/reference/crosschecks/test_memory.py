"""The memory cross-check: its smoke run measures every way, and bytes grow as the ways to differentiate say."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from reference.crosschecks.memory import Memory, MemorySettings, steps_of
from suite.declarations import Cell
from suite.harness import records, runner

CONSTANT = ("adjoint", "adjoint-seminorm", "adjoint-quadrature", "adjoint-segments", "torchdiffeq-adjoint")
LINEAR = ("direct", "torchdiffeq-direct", "resnet", "checkpointed", "interpolated")


@pytest.fixture(scope="module")
def rows(smoke_records: Path) -> pd.DataFrame:
    found = records.load(smoke_records).rows
    return found[found["experiment"] == Memory.id]


def _by_steps(rows: pd.DataFrame, metric: str, variant: str) -> pd.Series[float]:
    found = rows[(rows["metric"] == metric) & (rows["variant"] == variant)].dropna(subset=["steps"])
    return found.groupby(["method", "steps"])["value"].max()


def test_every_way_is_measured_against_steps_and_tolerance(rows: pd.DataFrame) -> None:
    for metric in ("kept_bytes", "saved_bytes", "peak_bytes", "python_bytes"):
        found = rows[rows["metric"] == metric]
        assert set(found["variant"]) == set(Memory.variants)
        adaptive = set(found.dropna(subset=["tolerance"])["variant"])
        assert adaptive == set(Memory.variants) - {"resnet", "reversible"}


@pytest.mark.parametrize("variant", [*CONSTANT, "reversible"])
def test_kept_bytes_do_not_depend_on_the_steps(rows: pd.DataFrame, variant: str) -> None:
    kept = _by_steps(rows, "kept_bytes", variant)
    assert (kept.groupby("method").nunique() == 1).all()


@pytest.mark.parametrize("variant", LINEAR)
def test_kept_bytes_grow_by_the_same_with_every_step(rows: pd.DataFrame, variant: str) -> None:
    (kept,) = (group.droplevel("method") for _, group in _by_steps(rows, "kept_bytes", variant).groupby("method"))
    growth = kept.diff().dropna() / kept.index.to_series().diff().dropna()
    assert growth.max() == pytest.approx(growth.min(), rel=1e-9)
    assert growth.min() > 0


def test_direct_gradients_live_with_what_they_keep_and_checkpoints_with_less(rows: pd.DataFrame) -> None:
    direct, recursive = (_by_steps(rows, "peak_bytes", variant)["rk4", 8] for variant in ("direct", "recursive"))
    assert direct > _by_steps(rows, "kept_bytes", "direct")["rk4", 8]
    assert recursive < direct


def test_ten_thousand_steps_are_left_to_the_ways_that_keep_nothing_of_a_step() -> None:
    for profile, declared in Memory.profiles.items():
        settings = MemorySettings.of(declared)
        longest = {variant: max(steps_of(variant, settings)) for variant in Memory.variants}
        if profile == "paper":
            assert {variant for variant, steps in longest.items() if steps == 10_000} == {*CONSTANT, "reversible"}
            assert {steps for steps in longest.values() if steps < 10_000} == {1000}
        else:
            assert set(longest.values()) == {max(settings.steps)}


@pytest.mark.gpu
def test_peak_of_the_device_is_that_of_the_allocator_and_flat_for_the_adjoint(tmp_path: Path) -> None:
    settings = MemorySettings(steps=(10, 100, 1000), tolerances=(1e-1,), channels=4, pixels=4, duration=1.0)
    runner.run_cell(Cell(Memory.id, "adjoint", 0, "smoke", settings, "cuda"), tmp_path)
    peak = _by_steps(records.load(tmp_path).rows, "device_peak_bytes", "adjoint")
    assert len(peak) == 3
    assert 0 < peak.min() <= peak.max() <= 1.05 * peak.min()
