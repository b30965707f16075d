"""Minima over calls made in turn."""

from __future__ import annotations

import math

import pytest
import torch

from suite.harness.interleaved import best_call_times, best_times


class Clock:
    """A clock that functions move on by what they are said to cost."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[str] = []

    def costing(self, name: str, *seconds: float) -> Work:
        return Work(self, name, list(seconds))


class Work:
    def __init__(self, clock: Clock, name: str, seconds: list[float]) -> None:
        self.clock, self.name, self.seconds = clock, name, seconds

    def __call__(self) -> None:
        self.clock.calls.append(self.name)
        self.clock.now += self.seconds.pop(0) if len(self.seconds) > 1 else self.seconds[0]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("suite.harness.interleaved.time.perf_counter", lambda: clock.now)
    return clock


def test_smallest_time_of_each_is_found_whatever_the_slow_phases(clock: Clock) -> None:
    ours = clock.costing("ours", 9.0, 4.0, 2.0, 4.0)
    theirs = clock.costing("theirs", 1.0, 9.0, 6.0, 3.0, 6.0)
    assert best_times(ours, theirs, seconds=0.0, rounds=4, warm_up=1) == (2.0, 3.0)


def test_calls_alternate(clock: Clock) -> None:
    best_times(clock.costing("a", 1.0), clock.costing("b", 1.0), seconds=0.0, rounds=2, warm_up=1)
    assert clock.calls == ["a", "b"] * 3


def test_calls_go_on_for_the_time_asked(clock: Clock) -> None:
    best_times(clock.costing("a", 1.0), seconds=10.0, rounds=2, warm_up=0)
    assert len(clock.calls) == 10


def test_on_a_cpu_a_call_has_a_wall_time_and_no_time_of_a_device(clock: Clock) -> None:
    first, second = clock.costing("a", 5.0, 4.0, 2.0), clock.costing("b", 3.0)
    best = best_call_times(first, second, device=torch.device("cpu"), seconds=0.0, rounds=2, warm_up=1)
    assert [each.wall for each in best] == [2.0, 3.0]
    assert all(math.isnan(each.device) for each in best)


@pytest.mark.gpu
def test_events_see_the_work_that_the_host_does_not_wait_for() -> None:
    x = torch.randn(4096, 4096, device="cuda")
    once, twice = best_call_times(
        lambda: x @ x, lambda: (x @ x) @ x, device=torch.device("cuda"), seconds=0.0, rounds=10, warm_up=3
    )
    assert 1.5 < twice.device / once.device < 2.5
    for each in (once, twice):
        assert 0 < each.device <= each.wall
