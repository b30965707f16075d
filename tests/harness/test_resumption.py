"""A cell that was interrupted inside a training loop ends with the numbers of one that never was."""

from __future__ import annotations

import itertools
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from suite.declarations import Cell
from suite.experiments.chen2018 import fig4
from suite.harness import resumption
from suite.harness.atomic import write_atomically
from suite.harness.plan import plan
from suite.harness.registry import EXPERIMENT_PACKAGES, experiments
from suite.harness.runner import run_cell
from suite.harness.schema import parse
from tests.harness.tiny_cells import MakeCell

TINY = ("tiny_experiments",)


def rows(path: Path) -> list[dict[str, Any]]:
    """Return what was measured, but for times."""
    header, measured = parse(path)
    assert header["status"] == "finished", header["error"]
    measured = [row for row in measured if row["unit"] not in ("s", "ms", "us", "min") and row.get("cost") != "seconds"]
    return [{key: value for key, value in row.items() if key != "seconds"} for row in measured]


class Interruption:
    """Raise ``KeyboardInterrupt`` as soon as so many checkpoints are written."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
        self.written = 0
        self.after = after
        monkeypatch.setattr(resumption, "SECONDS_BETWEEN", 0.0)
        monkeypatch.setattr(resumption, "write_atomically", self.write)

    def write(self, path: Path, content: bytes) -> None:
        write_atomically(path, content)
        self.written += 1
        if self.written == self.after:
            raise KeyboardInterrupt


def interrupted(cell: Cell, folder: Path, packages: tuple[str, ...]) -> Path:
    with pytest.raises(KeyboardInterrupt):
        run_cell(cell, folder, packages=packages)
    assert len(list((folder / "checkpoints").iterdir())) == 1
    return run_cell(cell, folder, packages=packages)


@pytest.mark.parametrize("after", [1, 4, 5, 6, 10])
def test_numbers_are_those_of_a_run_never_interrupted(
    after: int, make_cell: MakeCell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = make_cell("tiny/learning", "trains")
    expected = rows(run_cell(cell, tmp_path / "whole", packages=TINY))
    assert len(expected) == 1 + 2 * 7
    interruption = Interruption(monkeypatch, after)
    assert rows(interrupted(cell, tmp_path, TINY)) == expected
    # Each loop of six steps writes five times, and what was done before the interruption is not done again.
    assert interruption.written == 10
    assert not list((tmp_path / "checkpoints").iterdir())


def test_time_of_the_interrupted_run_counts(
    make_cell: MakeCell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = make_cell("tiny/learning", "trains")
    Interruption(monkeypatch, 3)
    with monkeypatch.context() as slow:
        slow.setattr(resumption.Stopwatch, "present", property(lambda self: 100 + time.perf_counter() - self._start))
        with pytest.raises(KeyboardInterrupt):
            run_cell(cell, tmp_path, packages=TINY)
    header, measured = parse(run_cell(cell, tmp_path, packages=TINY))
    first, second = (row["value"] for row in measured if row["metric"] == "elapsed")
    assert 100 < first < 110
    assert 0 < second < 10
    assert first + second < header["seconds"] < 110


def test_short_loops_write_no_checkpoint(make_cell: MakeCell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interruption = Interruption(monkeypatch, 1)
    monkeypatch.setattr(resumption, "SECONDS_BETWEEN", 30.0)
    run_cell(make_cell("tiny/learning", "trains"), tmp_path, packages=TINY)
    assert interruption.written == 0


def test_a_damaged_checkpoint_counts_as_none(
    make_cell: MakeCell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = make_cell("tiny/learning", "trains")
    expected = rows(run_cell(cell, tmp_path / "whole", packages=TINY))
    Interruption(monkeypatch, 3)
    with pytest.raises(KeyboardInterrupt):
        run_cell(cell, tmp_path, packages=TINY)
    (checkpoint,) = (tmp_path / "checkpoints").iterdir()
    checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    assert rows(run_cell(cell, tmp_path, packages=TINY)) == expected


def test_a_number_that_was_measured_before_the_interruption_stays(
    make_cell: MakeCell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock gives another number at each look, so that only a kept one gives the rows of the interrupted run."""
    cell = make_cell("tiny/learning", "chooses-by-time")
    looks = itertools.count(1)
    monkeypatch.setattr("tiny_experiments.learning.look_at_the_clock", lambda: next(looks))
    expected = rows(run_cell(cell, tmp_path / "whole", packages=TINY))
    assert [row["value"] for row in expected if row["metric"] == "chosen"] == [1]
    looks = itertools.count(1)
    Interruption(monkeypatch, 3)
    assert rows(interrupted(cell, tmp_path, TINY)) == expected
    assert next(looks) == 2
    header, _ = parse(run_cell(make_cell("tiny/learning", "measures-alike"), tmp_path, packages=TINY))
    assert header["error"]["message"] == (
        "two numbers measured once in a cell are called 'chosen'; each takes a name of its own"
    )


def test_flows_with_equal_time_keep_the_number_of_their_updates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of each size, one CNF takes as long as more and more updates of an NF; an update is looked at before them.
    (cell,) = plan(
        ["chen2018/fig4"], "smoke", "cpu", variants=["nf-equal-time"], overrides={"cnf_iterations": "60", "sizes": "2"}
    )

    def clock() -> None:
        times = itertools.count(2)
        monkeypatch.setattr(fig4, "_seconds", lambda variant, *_: [1.0 if variant != "cnf" else float(next(times))])

    clock()
    expected = rows(run_cell(cell, tmp_path / "whole"))
    assert {row["value"] for row in expected if row["metric"] == "iterations"} == {120}
    clock()
    Interruption(monkeypatch, 1)
    assert rows(interrupted(cell, tmp_path / "resumed", EXPERIMENT_PACKAGES)) == expected


def test_loops_of_one_name_are_refused(make_cell: MakeCell, tmp_path: Path) -> None:
    header, _ = parse(run_cell(make_cell("tiny/learning", "names-alike"), tmp_path, packages=TINY))
    assert header["error"]["message"] == (
        "two training loops of a cell are called 'loop'; each takes a name of its own"
    )


TRAINED = [
    *((f"massaroli2020/{name}", -1) for name in ("activations", "fig1", "fig2", "fig3", "fig4", "fig5", "fig6")),
    *((f"massaroli2020/{name}", -1) for name in ("higher-order", "reflection", "regularisation", "table1")),
    *(("massaroli2020/regularisation", number) for number in (2, 3)),  # channels and nodes
    *((f"poli2020/{name}", 0) for name in ("fig1", "mnist", "tracking")),  # what hypersolvers are fitted to
    *((f"poli2020/{name}", -1) for name in ("alpha-family", "fig1", "lorenz", "mnist", "theorem1", "tracking")),
    *(("poli2020/fig1", number) for number in (17, 18)),  # fitted to ends: two numbers, and a network
    *(("chen2018/table1", number) for number in (1, -1)),  # with CUDA graphs, and by the adjoint method
    *(("chen2018/fig4", number) for number in (0, -1)),
    *(("chen2018/fig5", number) for number in (0, -1)),
    *(("chen2018/section6", number) for number in (0, 1)),
    *((f"chen2018/{name}", 0) for name in ("fig3", "table2")),
    *((f"chen2018/{name}", -1) for name in ("fig7", "table2", "time-series")),
    *(("crosscheck/pareto", number) for number in (0, -1)),
]
"""Experiments and the number of a variant that trains."""
LONGER = {
    "chen2018/fig3": {"epochs": "2"},
    "chen2018/fig4": {"cnf_iterations": "110", "nf_iterations": "110"},
    "chen2018/section6": {"epochs": "2"},
    "massaroli2020/fig4": {"checks": "2"},
    "massaroli2020/regularisation": {"image_epochs": "2"},
    "poli2020/mnist": {"epochs": "2"},
}
"""Loops of one step at smoke size, which cannot be interrupted between two."""


@pytest.mark.parametrize(("experiment", "variant"), TRAINED)
def test_trainings_resume(experiment: str, variant: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = experiments()[experiment].variants[variant]
    *needed, cell = plan([experiment], "smoke", "cpu", variants=[name], overrides=LONGER.get(experiment))
    for each in needed:
        rows(run_cell(each, tmp_path / "whole"))
    if needed:
        shutil.copytree(tmp_path / "whole", tmp_path / "resumed")
    expected = rows(run_cell(cell, tmp_path / "whole"))
    Interruption(monkeypatch, 1)
    assert rows(interrupted(cell, tmp_path / "resumed", EXPERIMENT_PACKAGES)) == expected
