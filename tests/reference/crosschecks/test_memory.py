"""The memory cross-check: its smoke run measures every way, and bytes grow as the ways to differentiate say."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from reference.crosschecks.memory import Memory
from suite.harness import records

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
