"""``python -m suite run``: runs what has not finished yet and writes records."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from functools import partial

from suite.declarations import Cell
from suite.harness.commands.arguments import (
    EXIT_FAILED,
    EXIT_FINISHED,
    EXIT_INTERRUPTED,
    add_selection,
    positive,
    selected_cells,
)

DESCRIPTION = (
    "Runs the cells of the chosen experiments and writes one record for each. Cells that have finished with the same "
    "settings, data and code are not run again, so the same command goes on where an interrupted one stopped."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_selection(parser)
    parser.add_argument(
        "--jobs",
        type=positive,
        default=1,
        metavar="N",
        help="Runs N cells at a time, each in a process of its own with its share of the cores. The default is 1.",
    )


def execute(arguments: argparse.Namespace, packages: Sequence[str]) -> int:
    """Run the pending cells and print what failed."""
    from rich.console import Console

    from suite.harness.atomic import remove_leftovers
    from suite.harness.executors.local import run_locally
    from suite.harness.executors.pool import run_in_pool
    from suite.harness.progress import shown_progress
    from suite.harness.status import cell_statuses, pending_cells

    cells = selected_cells(arguments, packages, download=True)
    remove_leftovers(arguments.records)
    statuses = cell_statuses(cells, arguments.records, packages=packages)
    pending = pending_cells(statuses, arguments.records, arguments.data_dir, packages=packages)
    print(f"{_counted(cells)}: {len(cells) - len(pending)} finished before, {len(pending)} to run.", flush=True)
    run = run_locally if arguments.jobs == 1 else partial(run_in_pool, jobs=arguments.jobs)
    try:
        with shown_progress(len(pending), Console()) as observer:
            run(pending, arguments.records, arguments.data_dir, observer, packages=packages)
    except KeyboardInterrupt:
        statuses = cell_statuses(cells, arguments.records, packages=packages)
        finished = sum(status.state == "current" for status in statuses)
        print(f"Interrupted: {finished} of {_counted(cells)} are finished and kept. To go on from there, run:")
        print(f"    python -m suite {shlex.join(arguments.command_line)}")
        return EXIT_INTERRUPTED
    unfinished = [
        status for status in cell_statuses(cells, arguments.records, packages=packages) if status.state != "current"
    ]
    for status in unfinished:
        print(f"Not finished: {status.cell.name}: {status.reason or status.state}")
    print(f"{len(cells) - len(unfinished)} of {_counted(cells)} finished; the records are in {arguments.records}.")
    return EXIT_FAILED if unfinished else EXIT_FINISHED


def _counted(cells: Sequence[Cell]) -> str:
    return f"{len(cells)} {'cell' if len(cells) == 1 else 'cells'}"
