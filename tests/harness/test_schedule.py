"""Cells of a pool run in their order, after those they need, and none beside one that has to be alone."""

from __future__ import annotations

from suite.declarations import Cell
from suite.harness.executors.schedule import Job, Schedule
from tests.harness.tiny_cells import MakeCell


def started(schedule: Schedule) -> list[str]:
    """Start what can start now, and return the variants."""
    found = []
    while (job := schedule.next()) is not None:
        found.append(job.cells[0].variant)
    return found


def slow_cells(make_cell: MakeCell, names: str) -> list[Cell]:
    return [make_cell("tiny/slow", name) for name in names]


def end(schedule: Schedule, variant: str) -> None:
    schedule.ended(next(job for job in schedule.running if job.cells[0].variant == variant))


def test_as_many_run_as_are_asked_for(make_cell: MakeCell) -> None:
    schedule = Schedule([Job((cell,)) for cell in slow_cells(make_cell, "abcd")], {}, 2)
    assert started(schedule) == ["a", "b"]
    end(schedule, "b")
    assert started(schedule) == ["c"]
    assert not schedule.is_empty
    end(schedule, "a")
    assert started(schedule) == ["d"]
    assert schedule.is_empty
    assert len(schedule.running) == 2


def test_a_cell_waits_for_those_it_needs_and_lets_others_pass(make_cell: MakeCell) -> None:
    a, b, c = slow_cells(make_cell, "abc")
    schedule = Schedule([Job((b,)), Job((a,)), Job((c,))], {b.key: {a.key, "finished long ago"}}, 3)
    assert started(schedule) == ["a", "c"]
    end(schedule, "c")
    assert started(schedule) == []
    end(schedule, "a")
    assert started(schedule) == ["b"]


def test_nothing_runs_beside_a_job_that_is_alone_and_the_order_stays(make_cell: MakeCell) -> None:
    a, b, c, d = slow_cells(make_cell, "abcd")
    schedule = Schedule([Job((a,)), Job((b,)), Job((c,), alone=True), Job((d,))], {}, 3)
    assert started(schedule) == ["a", "b"]
    end(schedule, "a")
    assert started(schedule) == []
    end(schedule, "b")
    assert started(schedule) == ["c"]
    end(schedule, "c")
    assert started(schedule) == ["d"]


def test_what_is_put_back_runs_alone_at_the_end_and_before_what_needs_it(make_cell: MakeCell) -> None:
    a, b, c, d = slow_cells(make_cell, "abcd")
    schedule = Schedule([Job((a,)), Job((b,)), Job((c,)), Job((d,))], {d.key: {a.key}}, 2)
    assert started(schedule) == ["a", "b"]
    schedule.put_back(a)
    end(schedule, "a")
    assert schedule.again == [a]
    assert started(schedule) == ["c"]
    end(schedule, "b")
    assert started(schedule) == []
    assert not schedule.is_empty
    end(schedule, "c")
    assert started(schedule) == ["a"]
    assert schedule.running[0].alone
    end(schedule, "a")
    assert started(schedule) == ["d"]
    assert schedule.is_empty


def test_a_job_of_several_cells_starts_when_all_can(make_cell: MakeCell) -> None:
    a, b, c = slow_cells(make_cell, "abc")
    schedule = Schedule([Job((a, b)), Job((c,))], {b.key: {c.key, a.key}}, 2)
    assert started(schedule) == ["c"]
    end(schedule, "c")
    assert started(schedule) == ["a"]
