"""``python -m suite run``: runs what has not finished yet and writes records."""

from __future__ import annotations

import argparse
import os
import shlex
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from suite.declarations import Cell
from suite.harness.commands.arguments import (
    EXIT_FAILED,
    EXIT_FINISHED,
    EXIT_INTERRUPTED,
    KEPT_RECORDS,
    add_selection,
    positive,
    positive_number,
    selected_cells,
)
from suite.harness.errors import InputError
from suite.harness.grouping import TOGETHER
from suite.harness.wording import counted

DESCRIPTION = (
    "Runs the cells of the chosen experiments and writes one record for each. Cells that have finished with the same "
    "settings, data and code, or with code that 'replay' found to give the same numbers, are not run again, so the "
    "same command goes on where an interrupted one stopped."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_selection(parser)
    parser.add_argument(
        "--jobs",
        type=positive,
        default=1,
        metavar="N",
        help="Runs N cells at a time, each in a process of its own with its share of the cores, and of the memory of a "
        "CUDA device, where variants whose time or memory is measured run alone. The default is 1.",
    )
    parser.add_argument(
        "--together",
        choices=TOGETHER,
        default="auto",
        help="Runs cells that differ by their seed alone as one batched model, where their experiment can: always, "
        "never, or, the default, on a CUDA device.",
    )
    parser.add_argument(
        "--minutes",
        type=positive_number,
        metavar="M",
        help="Ends the run after M minutes, the most wanted cells first. Trainings that are not at their end write "
        f"a checkpoint for the next run. Cells finished on such a device by the records below {KEPT_RECORDS} count.",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="Packs records, checkpoints and trained models into at most 8 archives of at most 16 MiB in this folder "
        "when the run ends, also by Ctrl-C, in the place of earlier ones. 'python -m suite import DIR' unpacks them.",
    )


def execute(arguments: argparse.Namespace, packages: Sequence[str]) -> int:
    """Run the pending cells, print what failed, and pack what there is."""
    begun = time.monotonic()
    _check_folder(arguments.out)
    cells = selected_cells(arguments, packages, download=True)
    try:
        return _run(cells, arguments, packages, begun)
    finally:
        if arguments.out is not None:
            _pack(arguments.records, arguments.out)


def _run(cells: Sequence[Cell], arguments: argparse.Namespace, packages: Sequence[str], begun: float) -> int:
    from rich.console import Console

    from suite.harness.atomic import remove_leftovers
    from suite.harness.deadline import Deadline
    from suite.harness.device_memory import check_share
    from suite.harness.executors.local import run_locally
    from suite.harness.executors.pool import run_in_pool
    from suite.harness.progress import shown_progress
    from suite.harness.replays import Replays
    from suite.harness.status import cell_statuses, failed_cells, pending_cells
    from suite.harness.timed_run import Place, TimedRun

    kept = sorted(path for path in KEPT_RECORDS.glob("*") if path.is_dir()) if arguments.minutes else []
    place = Place(arguments.records, kept, arguments.data_dir, packages)
    replays = Replays.below(place.records_dir, KEPT_RECORDS)
    statuses_of = partial(cell_statuses, records_dir=place.records_dir, kept=kept, replays=replays, packages=packages)
    if arguments.jobs > 1 and any(cell.device == "cuda" for cell in cells):
        check_share(arguments.jobs)
    remove_leftovers(place.records_dir)
    pending = pending_cells(statuses_of(cells), place.records_dir, place.data_dir, packages=packages)
    print(
        f"{counted(len(cells), 'cell')}: {len(cells) - len(pending)} finished before, {len(pending)} to run.",
        flush=True,
    )
    timed = None
    if arguments.minutes:
        timed = TimedRun(place, 60 * arguments.minutes, arguments.jobs, pending, arguments.together)
        print(timed.expectation(), flush=True)
    try:
        with shown_progress(len(pending), Console()) as observer:
            if timed is not None:
                timed.run(Deadline.after(timed.seconds, begun), observer)
            else:
                run = run_locally if arguments.jobs == 1 else partial(run_in_pool, jobs=arguments.jobs)
                run(
                    pending, place.records_dir, place.data_dir, observer, packages=packages,
                    together=arguments.together,
                )  # fmt: skip
    except KeyboardInterrupt:
        finished = sum(status.is_finished for status in statuses_of(cells))
        print(
            f"Interrupted: {finished} of {counted(len(cells), 'cell')} are finished and kept. To go on from there, run:"
        )
        print(f"    python -m suite {shlex.join(arguments.command_line)}")
        return EXIT_INTERRUPTED
    unfinished = [status for status in statuses_of(cells) if not status.is_finished]
    failed = unfinished
    if timed is not None:
        # The others are missing because the time was up, which is no failure.
        keys = failed_cells([each.cell for each in unfinished], (place.records_dir, *kept), packages=packages)
        failed = [each for each in unfinished if each.cell.key in keys]
        for line in timed.lines([each for each in unfinished if each.cell.key not in keys]):
            print(line)
        print(timed.outcome(time.monotonic() - begun))
    for status in failed:
        print(f"Not finished: {status.cell.name}: {status.reason or status.state}")
    places = " and ".join(str(path) for path in (place.records_dir, *([KEPT_RECORDS] if kept else [])))
    print(f"{len(cells) - len(unfinished)} of {counted(len(cells), 'cell')} finished; the records are in {places}.")
    return EXIT_FAILED if failed else EXIT_FINISHED


def _check_folder(folder: Path | None) -> None:
    """Refuse a place where no archive can be written, before anything has run."""
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out names {folder}, which cannot be a folder ({error.strerror})") from error
    if not os.access(folder, os.W_OK):
        raise InputError(f"--out names {folder}, into which nothing can be written")


def _pack(records_dir: Path, folder: Path) -> None:
    from suite.harness.packing import pack

    packed = pack(records_dir, folder)
    for path in packed.archives:
        print(f"Packed: {path}, {path.stat().st_size / 2**20:.1f} MiB")
    for line in packed.left_out:
        print(f"Left out: {line}")
    print(f"In {folder}: {counted(packed.members, 'file')} packed.", flush=True)
