"""The speed cross-check: what it times does only what it says, and its counts are those of one step."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from reference.crosschecks import speed
from reference.crosschecks.contenders import Solve
from reference.crosschecks.further_step import further_step
from reference.crosschecks.perceptron_field import PerceptronField
from reference.crosschecks.speed import Speed, SpeedSettings
from reference.crosschecks.speed_times import FIELD, FIELD_GRAPH
from reference.libraries.suite import Suite
from reference.libraries.torchdiffeq import Torchdiffeq
from suite.declarations import Cell, Library
from suite.harness import records, runner


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
    settings = SpeedSettings.of(Speed.profiles["smoke"])
    installed = set(rows.loc[(rows["metric"] == "installed") & (rows["value"] == 1), "library"])
    assert {"suite", "torchdiffeq"} <= installed <= {"suite", "suite-compiled", *settings.peers}
    for variant in Speed.variants:
        cell = rows[rows["variant"] == variant]
        timed = set(cell.loc[cell["metric"] == "seconds", "library"])
        assert {"suite", "torchdiffeq", FIELD} <= timed <= installed | {FIELD}
        assert set(cell.loc[cell["metric"] == "overhead", "library"]) == timed - {FIELD}
        assert (cell.loc[cell["metric"] == "seconds", "value"] > 0).all()
        assert (cell.loc[cell["metric"] == "error", "value"] < 1e-3).all()
        fraction = cell[cell["metric"] == "fraction_of_limit"].groupby("library")["value"].max()
        assert set(fraction.index) == timed
        # Which is the larger is a matter of time, and no smoke run's.
        assert ((fraction > 0) & (fraction < 1)).all()
        assert (cell.loc[cell["metric"] == "copy_bandwidth", "value"] > 1e8).all()
    assert "device_seconds" not in set(rows["metric"])


def _smoke(*peers: str) -> SpeedSettings:
    settings = SpeedSettings.of(Speed.profiles["smoke"])
    return replace(settings, peers=peers)


class _Failing(Suite):
    """A library that cannot compute on the device."""

    name = "failing"

    def odeint(self, *arguments: Any, **options: Any) -> Tensor:
        raise RuntimeError("expected all tensors on one device\nand more")


def _run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *libraries: Library) -> records.Records:
    monkeypatch.setattr(speed, "CONTENDERS", libraries)
    settings = _smoke("failing")
    runner.run_cell(Cell(Speed.id, "rk4-forward", 0, "smoke", settings, "cpu"), tmp_path)
    return records.load(tmp_path)


def test_a_peer_that_fails_on_the_device_is_a_row_and_the_others_are_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = _run(tmp_path, monkeypatch, _Failing(), Suite()).rows
    (failed,) = rows[rows["metric"] == "able"].to_dict("records")
    assert (failed["library"], failed["value"]) == ("failing", 0)
    assert failed["reason"] == "RuntimeError: expected all tensors on one device"
    assert set(rows.loc[rows["metric"] == "seconds", "library"]) == {"suite", FIELD}


def test_our_own_failure_is_one_of_the_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Failing, "name", "suite")
    (cell,) = _run(tmp_path, monkeypatch, _Failing()).cells.to_dict("records")
    assert cell["status"] == "failed"
    assert "expected all tensors on one device" in cell["error"]


def test_bytes_of_a_step_are_its_evaluations_and_the_solvers_own(smoke_records: Path) -> None:
    rows = records.load(smoke_records).rows
    rows = rows[(rows["experiment"] == Speed.id) & (rows["variant"] == "rk4-forward")]
    of = rows.groupby(["metric", "library"])["value"].max()
    four = 4 * of["evaluation_bytes", FIELD]
    # Stages of four states of two numbers are little beside the parameters that every evaluation reads.
    assert four < of["step_bytes", "suite"] < 1.2 * four
    assert of["step_flops", "suite"] == 4 * of["evaluation_flops", FIELD]


def test_on_a_cpu_nothing_is_replayed_and_a_solve_is_counted_on_its_own_field() -> None:
    solve = _solve()
    assert solve.unseen() is solve


@pytest.mark.gpu
def test_on_a_gpu_operations_are_those_of_steps_that_are_taken_one_by_one() -> None:
    here = _solve()
    there = replace(here, field=here.field.cuda(), y0=here.y0.cuda(), times=here.times.cuda())
    run = there.run(Suite())
    for _ in range(3):
        run()
    assert further_step(there, Suite(), 4)["operations"] == further_step(_solve(), Suite(), 4)["operations"]


@pytest.mark.gpu
@pytest.mark.parametrize("variant", Speed.variants)
def test_a_gpu_is_timed_by_events_too_and_beside_the_field_as_a_graph(tmp_path: Path, variant: str) -> None:
    settings = _smoke("torchdiffeq")
    runner.run_cell(Cell(Speed.id, variant, 0, "smoke", settings, "cuda"), tmp_path)
    rows = records.load(tmp_path).rows
    waited, device = (
        rows[rows["metric"] == metric].groupby("library")["value"].min() for metric in ("seconds", "device_seconds")
    )
    assert {"suite", "torchdiffeq", FIELD, FIELD_GRAPH} <= set(waited.index) == set(device.index)
    assert (device <= waited).all()
    assert waited[FIELD_GRAPH] < waited[FIELD]
