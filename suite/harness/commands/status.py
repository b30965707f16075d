"""``python -m suite status``: which planned cells are current, and why the others are not."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence

from suite.harness.commands.arguments import EXIT_FINISHED, KEPT_RECORDS, add_selection, selected_cells

DESCRIPTION = (
    "Says of every cell that 'run' with the same arguments would plan whether its record is current, replayed (of "
    "other code that gives the same numbers, by 'replay'), of other code, stale (of other settings, data or revision), "
    "failed or missing. Nothing is downloaded or run."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_selection(parser)


def execute(arguments: argparse.Namespace, packages: Sequence[str]) -> int:
    """Print the status of every cell and how many there are of each."""
    from suite.harness.replays import Replays
    from suite.harness.status import cell_statuses

    cells = selected_cells(arguments, packages, download=False)
    statuses = cell_statuses(
        cells, arguments.records, replays=Replays.below(arguments.records, KEPT_RECORDS), packages=packages
    )
    for status in statuses:
        reason = f" ({status.reason})" if status.reason else ""
        print(f"{status.state:<10}  {status.cell.name}{reason}")
    counts = Counter(status.state for status in statuses)
    print(", ".join(f"{count} {state}" for state, count in counts.most_common()) or "No cell is planned.")
    return EXIT_FINISHED
