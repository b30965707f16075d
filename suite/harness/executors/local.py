"""Cells one after another, in this process."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from suite.declarations import Cell
from suite.harness.deadline import NEVER, Deadline
from suite.harness.grouping import Together, grouped
from suite.harness.observer import Observer
from suite.harness.registry import EXPERIMENT_PACKAGES, experiments
from suite.harness.runner import run_cell, run_cells_together


def run_locally(
    cells: Iterable[Cell],
    records_dir: Path,
    data_dir: Path | None,
    observer: Observer,
    *,
    packages: Sequence[str] = EXPERIMENT_PACKAGES,
    together: Together = "auto",
) -> None:
    """Run cells in the order given and write their records; a failure is a record, and the others go on.

    Cells that run together do so in the place of the first.
    """
    for group in grouped(cells, experiments(packages), together):
        run_group(group, records_dir, data_dir, observer, packages=packages)


def run_group(
    group: Sequence[Cell],
    records_dir: Path,
    data_dir: Path | None,
    observer: Observer,
    *,
    packages: Sequence[str],
    deadline: Deadline = NEVER,
) -> None:
    """Run a cell, or several together.

    Raises:
        TimeUp: When the deadline stopped a training.
    """
    if len(group) == 1:
        run_cell(group[0], records_dir, data_dir, observer, packages=packages, deadline=deadline)
    else:
        run_cells_together(group, records_dir, data_dir, observer, packages=packages, deadline=deadline)
