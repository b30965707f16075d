"""The order in which cells run when there is not the time for all of them: the most wanted ones first."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from suite.declarations import Cell, Experiment
from suite.harness.code_digest import cell_code
from suite.harness.estimates import Estimate, paper_costs
from suite.harness.import_closure import import_closure
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
    *,
    alone_last: bool = False,
) -> list[Cell]:
    """Return cells in the order in which a run of so many seconds takes them.

    Those that would stand in the way of all others come last: cells that failed before with their present code
    (``failed`` has their keys), those that were ended after about as long without reaching a step of a training, and
    those that are estimated to take longer and have no training that could be interrupted. Of the others, interrupted
    trainings go on first; then ``paper_costs.toml`` counts, and shorter cells come before longer ones. Where cells run
    side by side, ``alone_last`` keeps those together that do not: every change between the two waits for the slowest.
    """

    def rank(cell: Cell) -> tuple[int, bool, int, bool, float]:
        code = cell_code(cell, registered)
        estimate = estimated[cell.key]
        fresh = not checkpoint_path(records_dir, cell.key, code).is_file()
        too_long = fresh and estimate.source != "unknown" and estimate.seconds > seconds
        in_vain = lost_seconds(records_dir, cell.key, code) >= _ABOUT * seconds or (
            too_long and not _can_be_interrupted(type(registered[cell.experiment]).__module__)
        )
        later = alone_last and cell.device == "cuda" and cell.variant in registered[cell.experiment].alone
        return 2 * (cell.key in failed) + in_vain, fresh, paper_costs().rank(cell), later, estimate.seconds

    return by_rank(cells, rank, needed)


@cache
def _can_be_interrupted(module: str) -> bool:
    """Return whether the code of an experiment has any training that counts its steps by ``meter.resumable_steps``."""
    return any(map(_counts_steps, import_closure([module]).values()))


@cache
def _counts_steps(tree: ast.Module) -> bool:
    return any(isinstance(node, ast.Attribute) and node.attr == "resumable_steps" for node in ast.walk(tree))
