"""Seeds that train as one batched model record what each records alone, but for its time, to rounding."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from suite.declarations import Cell
from suite.experiments.massaroli2020.fig1 import Fig1
from suite.experiments.massaroli2020.reflection import Reflection
from suite.harness.deadline import Deadline, TimeUp
from suite.harness.plan import plan
from suite.harness.registry import experiments
from suite.harness.runner import run_cell, run_cells_together
from suite.harness.schema import parse

Rows = list[dict[str, Any]]

SINGLE, DOUBLE = 2e-5, 1e-11
"""Relative differences of what is computed in either precision: some hundred roundings."""


def two_seeds(experiment: str, variant: str) -> list[Cell]:
    return plan([experiment], "smoke", "cpu", 2, variants=[variant])


def rows_of(path: Path) -> tuple[Rows, Rows]:
    """Return the rows of a finished record, times by themselves."""
    header, rows = parse(path)
    assert header["status"] == "finished", header["error"]
    return [row for row in rows if row["unit"] != "s"], [row for row in rows if row["unit"] == "s"]


def assert_same(found: Rows, expected: Rows, rounding: float) -> None:
    assert [{**row, "value": None} for row in found] == [{**row, "value": None} for row in expected]
    for one, other in zip(found, expected, strict=True):
        assert one["value"] == pytest.approx(other["value"], rel=rounding, abs=rounding * 1e-3), one


@pytest.mark.parametrize(
    ("experiment", "variant", "rounding"),
    [
        ("massaroli2020/fig1", "depth-concatenated", SINGLE),
        ("massaroli2020/fig1", "resnet", SINGLE),
        ("massaroli2020/fig1", "fourier", SINGLE),
        ("massaroli2020/reflection", "vanilla", DOUBLE),
        ("massaroli2020/reflection", "depth-concatenated", DOUBLE),
        ("massaroli2020/reflection", "galerkin", DOUBLE),
        ("massaroli2020/reflection", "augmented", DOUBLE),
        ("massaroli2020/reflection", "data-controlled", DOUBLE),
    ],
)
def test_records_together_are_those_alone(experiment: str, variant: str, rounding: float, tmp_path: Path) -> None:
    cells = two_seeds(experiment, variant)
    assert all(map(experiments()[experiment].goes_together, cells))
    together = run_cells_together(cells, tmp_path / "together")
    for cell, path in zip(cells, together, strict=True):
        found, times = rows_of(path)
        expected, times_alone = rows_of(run_cell(cell, tmp_path / "alone"))
        assert_same(found, expected, rounding)
        assert parse(path)[0]["together"] == [0, 1]
        # The time is not that of one cell, and says so.
        assert [{**row, "value": None} for row in times] == [
            {**row, "value": None, "together": 2} for row in times_alone
        ]


@pytest.mark.gpu
@pytest.mark.parametrize(
    ("experiment", "variant", "rounding"),
    [
        ("massaroli2020/fig1", "stacked-20", 1e-3),
        ("massaroli2020/fig1", "fourier", 1e-3),
        ("massaroli2020/reflection", "galerkin", 1e-9),
        ("massaroli2020/reflection", "data-controlled", 1e-9),
    ],
)
def test_on_a_gpu_records_together_are_those_alone(
    experiment: str, variant: str, rounding: float, tmp_path: Path
) -> None:
    cells = plan([experiment], "smoke", "cuda", 2, variants=[variant])
    for cell, path in zip(cells, run_cells_together(cells, tmp_path / "together"), strict=True):
        assert parse(path)[0]["together"] == [0, 1]
        assert_same(rows_of(path)[0], rows_of(run_cell(cell, tmp_path / "alone"))[0], rounding)


def test_a_seed_is_not_that_of_another(tmp_path: Path) -> None:
    first, second = (
        rows_of(path)[0] for path in run_cells_together(two_seeds("massaroli2020/fig1", "vanilla"), tmp_path)
    )
    losses = [[row["value"] for row in rows if row["metric"] == "train_loss"] for rows in (first, second)]
    assert losses[0] != pytest.approx(losses[1], rel=1e-2)


@pytest.mark.parametrize(
    ("experiment", "variant"), [("massaroli2020/reflection", "vanilla"), ("massaroli2020/fig1", "stacked-20")]
)
def test_interrupted_they_end_with_the_same_numbers(experiment: str, variant: str, tmp_path: Path) -> None:
    cells = two_seeds(experiment, variant)
    expected = [rows_of(path)[0] for path in run_cells_together(cells, tmp_path / "whole")]
    for _ in range(2):
        with pytest.raises(TimeUp):
            run_cells_together(cells, tmp_path / "parts", deadline=Deadline(-math.inf, math.inf))
    assert [rows_of(path)[0] for path in run_cells_together(cells, tmp_path / "parts")] == expected


def test_a_field_that_jumps_does_not_go_together_where_seeds_choose_their_steps() -> None:
    cell = two_seeds("massaroli2020/reflection", "stacked")[0]
    assert not Reflection().goes_together(cell)
    assert Fig1().goes_together(replace(two_seeds("massaroli2020/fig1", "stacked-20")[0], profile="paper"))
