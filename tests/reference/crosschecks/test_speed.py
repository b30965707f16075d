"""The speed cross-check: what it times does only what it says, and its counts are those of one step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from reference.crosschecks.contenders import Solve
from reference.crosschecks.further_step import further_step
from reference.crosschecks.perceptron_field import PerceptronField
from reference.crosschecks.speed import Speed, SpeedSettings
from reference.crosschecks.speed_times import FIELD
from reference.libraries.suite import Suite
from reference.libraries.torchdiffeq import Torchdiffeq
from suite.harness import records


class Counting(PerceptronField):
    """A field that counts its evaluations."""

    count = 0

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        self.count += 1
        return super().forward(t, y)


def _solve(gradient: str = "", method: str = "rk4", *, backward_alone: bool = False) -> Solve:
    field = Counting((2, 8, 2), torch.Generator().manual_seed(0))
    arguments: dict[str, Any] = {"method": method, "rtol": 1e-4, "atol": 1e-4}
    if method == "rk4":
        arguments["step_size"] = 0.25
    y0 = torch.randn(3, 2, generator=torch.Generator().manual_seed(1))
    return Solve(field, y0, torch.tensor([0.0, 1.0]), arguments, gradient, backward_alone)


@pytest.mark.parametrize(
    ("gradient", "backward_alone", "evaluations", "work"),
    [
        ("", False, (16, 0), (16, 0)),
        ("direct", False, (16, 0), (0, 16)),
        ("adjoint", False, (16, 16), (16, 16)),
        ("adjoint", True, (0, 16), (0, 16)),
    ],
)
def test_field_work_is_an_evaluation_for_each_stage_and_a_product_where_one_is_needed(
    gradient: str, backward_alone: bool, evaluations: tuple[int, int], work: tuple[int, int]
) -> None:
    # Four stages in each of four steps, and as many backwards where a solve goes back.
    solve = _solve(gradient, backward_alone=backward_alone)
    assert solve.evaluations(Torchdiffeq()) == evaluations
    assert solve.work(*evaluations) == work


def test_timed_field_work_evaluates_as_often_as_asked() -> None:
    solve = _solve("adjoint")
    field = solve.field
    assert isinstance(field, Counting)
    solve.evaluate(7)()
    assert field.count == 7
    solve.multiply(5)()
    assert field.count == 12


def test_every_timed_call_solves_anew() -> None:
    for gradient, backward_alone, each in (("", False, 16), ("direct", False, 16), ("adjoint", True, 16)):
        solve = _solve(gradient, backward_alone=backward_alone)
        field = solve.field
        assert isinstance(field, Counting)
        run = solve.run(Suite())
        run()
        before = field.count
        run()
        assert field.count - before >= each


def test_counts_of_a_further_step_of_rk4_are_those_of_its_stage_sums() -> None:
    counts = further_step(_solve(), Suite(), 4)
    assert counts["host_syncs"] == 0
    # Three-eighths rule: the sums of stages 2, 3 and 4 and of the step add 1, 2, 3 and 4 terms at most.
    assert 4 <= counts["operations"] <= 10
    assert counts["operations"] == int(counts["operations"])
    theirs = further_step(_solve(), Torchdiffeq(), 4)
    assert theirs["operations"] > counts["operations"]


def test_smoke_run_times_every_library_and_the_field_in_every_variant(smoke_records: Path) -> None:
    rows = records.load(smoke_records).rows
    rows = rows[rows["experiment"] == Speed.id]
    settings = Speed.profiles["smoke"]
    assert isinstance(settings, SpeedSettings)
    installed = set(rows.loc[(rows["metric"] == "installed") & (rows["value"] == 1), "library"])
    assert {"suite", "torchdiffeq"} <= installed <= {"suite", "suite-compiled", *settings.peers}
    for variant in Speed.variants:
        cell = rows[rows["variant"] == variant]
        timed = set(cell.loc[cell["metric"] == "seconds", "library"])
        assert {"suite", "torchdiffeq", FIELD} <= timed <= installed | {FIELD}
        assert set(cell.loc[cell["metric"] == "overhead", "library"]) == timed - {FIELD}
        assert (cell.loc[cell["metric"] == "seconds", "value"] > 0).all()
        assert (cell.loc[cell["metric"] == "error", "value"] < 1e-3).all()
