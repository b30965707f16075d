"""The work-precision cross-check: it sees a bad reference, keeps failures as rows, and its curves are read rightly."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from reference.crosschecks import work_precision
from reference.crosschecks.detest import problems
from reference.crosschecks.trained_field import TrainedField
from reference.crosschecks.walling import flattened, walled
from reference.crosschecks.work_at_error import work_at
from reference.crosschecks.work_precision import WITNESSES, Problem, WorkPrecision, WorkPrecisionSettings
from reference.libraries.prepared import prepare
from suite.declarations import Cell, LibraryMissingError
from suite.harness import records
from suite.models.convolutional_field import ConvolutionalField

TOLERANCES = (1e-6, 1e-7, 1e-8, 1e-9)


class Notebook:
    """A meter that keeps the rows it is given."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def record(self, metric: str, value: float, unit: str, **axes: Any) -> None:
        self.rows.append({"metric": metric, "value": value, "unit": unit, **axes})

    def of(self, metric: str) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["metric"] == metric]


def _curves(reference_tolerance: float) -> list[list[float]]:
    """Errors of the witnesses on B1 against a reference that was solved at some tolerance."""
    (detest,) = problems(["B1"])
    library = work_precision.LIBRARIES["scipy"]
    end = library.odeint(
        detest.field, detest.y0, detest.times, method="dopri8", rtol=reference_tolerance, atol=reference_tolerance
    )[-1]
    problem = Problem("B1", detest.field, detest.y0, detest.times, end)
    curves = []
    for name, method in WITNESSES:
        errors = []
        for tolerance in TOLERANCES:
            solve = prepare(
                work_precision.LIBRARIES[name], problem.field, problem.y0, problem.times,
                method=method, rtol=tolerance, atol=tolerance,
            )  # fmt: skip
            solve.run()
            errors.append(problem.error(solve.states))
        curves.append(errors)
    return curves


def test_curves_against_a_reference_of_1e_5_are_walled_and_against_a_good_one_are_not() -> None:
    assert walled(_curves(1e-5))
    assert not walled(_curves(2.5e-14))


def test_curves_that_flatten_apart_or_at_rounding_are_not_walled() -> None:
    assert flattened([1e-3, 1e-5, 0.9e-5])
    assert not flattened([1e-3, 1e-5, 1e-7])
    assert not walled([[1e-3, 1e-5, 1e-5], [1e-3, 2e-5, 2e-5]])
    assert not walled([[1e-3, 1e-5, 1e-5], [1e-3, 1e-4, 1e-5]])
    assert not walled([[1e-9, 1e-14, 1e-14], [1e-9, 1e-14, 1e-14]])
    assert walled([[1e-3, 1e-5, 1e-5], [1e-2, 1e-5, 1.02e-5], [1e-3, 1e-4, 1e-6]])


def test_work_at_an_error_is_exact_for_a_power_law_and_never_extrapolated() -> None:
    curve = [(10.0**-k, round(1000 * 10 ** (k / 5))) for k in range(2, 9)]
    found = work_at((1e-1, 1e-5, 1e-9), curve)
    assert found == {1e-5: pytest.approx(1000 * 10, rel=1e-3)}
    assert work_at((1e-5,), [(1e-4, 10), (1e-6, 20), (0.0, 30)]) == {}


@pytest.fixture(scope="module")
def trained_field() -> TrainedField:
    torch.manual_seed(0)
    field = ConvolutionalField(4)
    for parameter in field.parameters():
        parameter.data = torch.randn_like(parameter)
    return TrainedField(field, 5, 3)


def test_formula_of_a_convolutional_field_equals_the_module(trained_field: TrainedField) -> None:
    y = torch.randn(2, 4, 5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    by_module = trained_field(torch.tensor(0.4, dtype=torch.float64), y)
    numbers = [number.numpy() for number in trained_field.numbers()]
    np.testing.assert_allclose(trained_field.formula(np, 0.4, y.numpy(), *numbers), by_module.numpy(), atol=1e-12)
    by_torch = trained_field.formula(torch, torch.tensor(0.4, dtype=torch.float64), y, *trained_field.numbers())
    torch.testing.assert_close(by_torch, by_module, rtol=0, atol=1e-12)


def test_a_solve_that_fails_is_a_row_with_its_reason_and_the_others_go_on() -> None:
    problem = work_precision._detest("D5")
    settings = WorkPrecisionSettings(most_evaluations=2000, repeats=1)
    meter = Notebook()
    library = work_precision.LIBRARIES["suite"]
    work_precision._measure(library, problem, "dopri5", (1e-3, 1e-10), settings, meter)  # type: ignore[arg-type]
    solved = {row["tolerance"]: row for row in meter.of("solved")}
    assert (solved[1e-3]["value"], solved[1e-10]["value"]) == (1.0, 0.0)
    assert solved[1e-10]["reason"] == "EvaluationLimitError"
    assert [row["tolerance"] for row in meter.of("error")] == [1e-3]


def test_a_missing_library_is_one_row_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise LibraryMissingError(f"{name} is not installed; pip install {name}")

    monkeypatch.setattr("reference.libraries.diffrax.installed_version", absent)
    meter = Notebook()
    cell = Cell(WorkPrecision.id, "diffrax", 0, "smoke", WorkPrecision.profiles["smoke"], "cpu")
    WorkPrecision().run(cell, meter)  # type: ignore[arg-type]
    (row,) = meter.rows
    assert (row["metric"], row["value"]) == ("installed", 0.0)
    assert row["reason"] == "diffrax is not installed; pip install diffrax"


def test_a_smoke_run_measures_every_installed_library_on_every_problem(smoke_records: Path) -> None:
    rows = records.load(smoke_records).rows
    rows = rows[rows["experiment"] == WorkPrecision.id]
    installed = rows[rows["metric"] == "installed"].set_index("variant")["value"]
    assert set(installed.index) == set(work_precision.LIBRARIES)
    assert installed["suite"] == installed["torchdiffeq"] == installed["scipy"] == 1.0
    errors = rows[rows["metric"] == "error"]
    for name in installed.index[installed == 1.0]:
        assert set(errors.loc[errors["variant"] == name, "problem"]) == {"A3", "D3", "ode-net"}
    detest = errors[errors["problem"] != "ode-net"]
    for _, curve in detest.groupby(["variant", "problem"]):
        by_tolerance = curve.set_index("tolerance")["value"]
        slope = math.log10(by_tolerance[1e-3] / by_tolerance[1e-6]) / 3
        assert 0.5 < slope < 2.0
    assert (rows.loc[rows["metric"] == "walled", "value"] == 0.0).all()
