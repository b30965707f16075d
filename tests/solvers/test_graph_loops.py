"""Adaptive steps that the device repeats by itself, by a stand-in on a CPU."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from suite import solve
from suite.harness.meters import host_syncs
from tests.solvers.recorded_solves import Field, loosely, record_on_tape, start, times
from tests.solvers.tape_recorder import TapeRecorder


@pytest.fixture(autouse=True)
def recorder(monkeypatch: pytest.MonkeyPatch) -> TapeRecorder:
    return record_on_tape(monkeypatch)


@pytest.mark.parametrize("method", ["dopri5", "tsit5", "bosh3"])
@pytest.mark.parametrize("t", [times(0, 3), times(3, 2.5, 1, 0)])
def test_steps_repeated_by_the_device_give_the_same_bits(method: str, t: Tensor) -> None:
    field = Field().double()
    with torch.no_grad():
        for scale in (1.0, 0.5):
            given: dict[str, Any] = {"method": method, **loosely(method)}
            by_host = solve(field, scale * start(), t, graph="always", **given)
            by_device = solve(field, scale * start(), t, graph="loop", **given)
            assert isinstance(by_host.states, Tensor)
            assert isinstance(by_device.states, Tensor)
            assert torch.equal(by_host.states, by_device.states)
            for name in ("nfe", "accepted", "rejected", "error_estimate"):
                assert getattr(by_host.statistics, name) == getattr(by_device.statistics, name)
            assert by_device.statistics.graph_replays == 2  # the start and the loop
            assert by_host.statistics.graph_replays > 2


def test_the_host_reads_once_of_a_solve_that_the_device_repeats(recorder: TapeRecorder) -> None:
    field = Field().double()
    with torch.no_grad():
        solve(field, start(), times(0, 6), rtol=1e-6, atol=1e-8, graph="loop")
        made, done = recorder.captures, recorder.replays
        with host_syncs() as waits:
            statistics = solve(field, start(), times(0, 2), rtol=1e-6, atol=1e-8, graph="loop").statistics
    assert (recorder.captures, recorder.replays) == (made, done + 2)
    # The output times, which here lie on the host, and the outcome.
    assert statistics.host_syncs == waits.value == 2


def test_a_grid_needs_no_loop(recorder: TapeRecorder) -> None:
    field, options = Field().double(), {"step_size": 0.1}
    with torch.no_grad():
        solve(field, start(), times(0, 1), method="rk4", options=options, graph="always")
        statistics = solve(field, start(), times(0, 1), method="rk4", options=options, graph="loop").statistics
    assert statistics.graph_replays == 1
    assert recorder.captures == 1
