"""Cells one after another, in this process."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from suite.declarations import Cell
from suite.harness.observer import Observer
from suite.harness.registry import EXPERIMENT_PACKAGES
from suite.harness.runner import run_cell


def run_locally(
    cells: Iterable[Cell],
    records_dir: Path,
    data_dir: Path | None,
    observer: Observer,
    *,
    packages: Sequence[str] = EXPERIMENT_PACKAGES,
) -> None:
    """Run cells in the order given and write their records; a failure is a record, and the others go on."""
    for cell in cells:
        run_cell(cell, records_dir, data_dir, observer, packages=packages)
