"""The order in which cells run when there is not the time for all of them: the most wanted ones first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from suite.declarations import Cell, Experiment
from suite.harness.code_digest import cell_code
from suite.harness.estimates import Estimate, paper_costs
from suite.harness.interrupted import checkpoint_path, lost_seconds

_ABOUT = 0.8  # a run has less for a cell than its time: it starts, and it leaves time to stop


def by_rank(cells: Iterable[Cell], rank: Callable[[Cell], Any], needed: Callable[[Cell], Iterable[Cell]]) -> list[Cell]:
    """Return cells by rising rank, but each after those of them that it needs."""
    waiting = {cell.key: cell for cell in sorted(cells, key=rank)}
    ordered: list[Cell] = []

    def take(cell: Cell) -> None:
        for need in needed(cell):
            if need.key in waiting:
                take(waiting.pop(need.key))
        ordered.append(cell)

    while waiting:
        take(waiting.pop(next(iter(waiting))))
    return ordered


def most_wanted_first(
    cells: Sequence[Cell],
    seconds: float,
    estimated: Mapping[str, Estimate],
    failed: Collection[str],
    records_dir: Path,
    registered: Mapping[str, Experiment],
    needed: Callable[[Cell], Iterable[Cell]],
) -> list[Cell]:
    """Return cells in the order in which a run of so many seconds takes them.

    Those that would stand in the way of all others come last: cells that failed before with their present code
    (``failed`` has their keys), and those that were ended after about as long without reaching a step of a training. Of
    the others, trainings that were interrupted go on first; then ``paper_costs.toml`` counts, and shorter cells come
    before longer ones.
    """

    def rank(cell: Cell) -> tuple[int, bool, int, float]:
        code = cell_code(cell, registered)
        in_vain = lost_seconds(records_dir, cell.key, code) >= _ABOUT * seconds
        fresh = not checkpoint_path(records_dir, cell.key, code).is_file()
        return 2 * (cell.key in failed) + in_vain, fresh, paper_costs().rank(cell), estimated[cell.key].seconds

    return by_rank(cells, rank, needed)
