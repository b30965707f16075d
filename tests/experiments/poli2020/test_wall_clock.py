"""The wall-clock comparison: the least effort within a loss, steps that a graph can hold, and what is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import cast

import pytest
import torch
from torch import nn

from suite.declarations import Meter, Reading
from suite.experiments.poli2020 import wall_clock_graphs
from suite.experiments.poli2020.image_methods import CLASSICAL, HYPER, Stepping, classical
from suite.experiments.poli2020.image_problem import ends_of
from suite.experiments.poli2020.wall_clock import fastest
from suite.experiments.poli2020.wall_clock_contenders import OWN, Contender, fixed, least_effort, own_solver
from suite.experiments.poli2020.wall_clock_graphs import captured
from suite.experiments.poli2020.wall_clock_settings import WallClockSettings
from suite.models.image_flow import convolutional_correction, steady_convolutions
from suite.solvers.hyper import Hypersolver
from tests.experiments.poli2020.image_stubs import Decay
from tests.smoke_rows import rows_by_variant
from tests.solvers.watching_recorder import WatchingRecorder


def stepping(name: str) -> Stepping:
    if name != HYPER:
        return classical(name)
    correction = convolutional_correction(2, (3, 3))
    # An untrained correction is zero.
    for weights in correction.parameters():
        nn.init.normal_(weights, std=0.5)
    return Stepping(HYPER, Hypersolver("euler", correction.requires_grad_(requires_grad=False)))


@pytest.mark.parametrize("name", [*CLASSICAL, HYPER])
def test_a_prediction_reads_and_copies_nothing_of_the_host(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the meta device there is no value to read: what runs there can be captured."""
    watching = WatchingRecorder()
    monkeypatch.setattr(wall_clock_graphs, "recorder_for", lambda device: watching)
    monkeypatch.setattr("suite.solvers.problem.is_recording", lambda: True)
    method, field = stepping(name), steady_convolutions(2, 3).to("meta")
    if isinstance(method.method, Hypersolver) and isinstance(method.method.correction, nn.Module):
        method.method.correction.to("meta")
    with torch.no_grad():
        captured(lambda z: ends_of(field, z, method.method, 2), torch.empty(2, 2, 5, 5, device="meta"))
    (copies,) = watching.copies
    assert copies == []
    assert watching.waits == [1.0]  # the depths, which lie on the host


def test_least_effort_is_from_where_on_no_loss_is_too_large() -> None:
    efforts = [Contender("euler", lambda z, graph="never": z, evaluations) for evaluations in (1, 2, 4, 8)]
    chosen = least_effort(efforts, [0.0, 0.5, 0.1, -0.2], 0.1)
    assert chosen is efforts[2]
    assert least_effort(efforts, [0.0, 0.0, 0.0, 0.2], 0.1) is None
    assert least_effort(efforts, [0.0, 0.0, 0.0, 0.0], 0.1) is efforts[0]


def test_efforts_are_tried_once_each_from_the_least() -> None:
    efforts = list(fixed(classical("rk4"), Decay(), (1, 2, 4, 8, 10)))
    assert [(each.steps, each.evaluations) for each in efforts] == [(1, 4), (2, 8)]
    z = torch.ones(1, 1, 1, 1)
    torch.testing.assert_close(efforts[0].ends(z), z * (1 - 1 + 1 / 2 - 1 / 6 + 1 / 24))
    own = own_solver(Decay(), z, 1e-6)
    torch.testing.assert_close(own.ends(z), z * torch.exp(torch.tensor(-1.0)), rtol=1e-5, atol=1e-6)
    assert own.name == OWN


def test_smoke_run_times_every_method_beside_the_own_solver(smoke_records: Path) -> None:
    (rows,) = rows_by_variant(smoke_records, "poli2020/wall-clock").values()
    times = {
        (row["method"], row["batch"]): row["value"]
        for row in rows
        if row["metric"] == "milliseconds" and row["mode"] == "eager"
    }
    chosen = {row["method"] for row in rows if row["metric"] == "least_nfe"}
    assert chosen
    assert {method for method, _ in times} == chosen | {OWN}
    for row in rows:
        if row["metric"] == "speed_up":
            own = times[OWN, row["batch"]]
            assert row["value"] == pytest.approx(own / times[row["method"], row["batch"]])
        if row["metric"] == "time_ratio":
            ratio = times[HYPER, row["batch"]] / times[row["rival"], row["batch"]]
            assert row["value"] == pytest.approx(ratio)


def test_functions_are_timed_in_turn_and_the_fastest_call_counts() -> None:
    calls: list[int] = []
    times = iter([4.0, 2.0, 3.0, 5.0])

    class Clock:
        """A meter whose times are given."""

        @contextmanager
        def wall_time(self) -> Iterator[Reading]:
            """Give the next time."""
            reading = Reading()
            yield reading
            reading.value = next(times)

    runs = {number: partial(calls.append, number) for number in (7, 8)}
    found = fastest(runs, WallClockSettings(rounds=2, seconds=0.0), cast(Meter, Clock()))
    assert found == {7: 3.0, 8: 2.0}
    assert calls == [7, 8] * 5


@pytest.mark.gpu
def test_replayed_graph_gives_the_scores_of_the_eager_call() -> None:
    field, images = steady_convolutions(2, 3).cuda(), torch.randn(4, 2, 6, 6, device="cuda")
    with torch.no_grad():
        replay = captured(lambda z: ends_of(field, z, "rk4", 2), images)
        torch.testing.assert_close(replay(), ends_of(field, images, "rk4", 2), rtol=1e-4, atol=1e-4)
