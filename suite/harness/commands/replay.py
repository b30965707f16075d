"""``python -m suite replay``: whether code that has changed gives the same numbers, bit for bit."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from suite.harness.commands.arguments import EXIT_FAILED, EXIT_FINISHED, KEPT_RECORDS, folder
from suite.harness.errors import InputError
from suite.harness.record_file import REPLAYS
from suite.harness.wording import counted

if TYPE_CHECKING:
    from suite.harness.replay_comparison import Comparison

DESCRIPTION = (
    "Compares two folders of records of the same cells, made on one machine by 'run' with two versions of the code. "
    "For every experiment whose rows are the same bit for bit, but for those of times and others that vary from run to "
    "run, it writes a line; records of the older code then count as records of the newer one."
)

_MOST_SHOWN = 5
"""Rows that differ, of one experiment."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("old", type=folder, metavar="OLD", help="Records that were made with the older code.")
    parser.add_argument("new", type=folder, metavar="NEW", help="Records of the same cells, with the newer code.")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help=f"File called {REPLAYS} that the lines are added to. The default is in {KEPT_RECORDS}/<machine>/.",
    )


def execute(arguments: argparse.Namespace, packages: Sequence[str]) -> int:
    """Compare, print what differs, and write a line for every experiment whose numbers are the same."""
    from suite.harness.machine_name import machine_name
    from suite.harness.registry import experiments
    from suite.harness.replay_comparison import compare
    from suite.harness.replays import add_replays

    if arguments.out is not None and arguments.out.name != REPLAYS:
        raise InputError(f"--out names {arguments.out}, but it is looked for by the name {REPLAYS}")
    comparisons = compare(arguments.old, arguments.new, experiments(packages))
    if not comparisons:
        raise InputError(f"{arguments.old} holds no record")
    for comparison in comparisons:
        for line in _lines(comparison):
            print(line)
    written: Counter[Path] = Counter()
    for replay in (each.replay for each in comparisons if each.replay is not None):
        name = machine_name(replay.device_name, cuda=replay.device == "cuda")
        path = arguments.out or KEPT_RECORDS / name / REPLAYS
        written[path] += add_replays(path, [replay])
    same = sum(each.is_equivalent for each in comparisons)
    print(f"The same numbers: {same} of {counted(len(comparisons), 'experiment')}.")
    for path, count in written.items():
        print(f"{path}: {counted(count, 'line')} added.")
    return EXIT_FINISHED if same == len(comparisons) else EXIT_FAILED


def _lines(found: Comparison) -> Iterator[str]:
    place = f"{found.experiment} ({found.profile}, {found.device})"
    left_out = ", ".join(f"{count} {name}" for name, count in sorted(found.left_out.items()))
    compared = (
        f"{counted(found.cells, 'cell')}, {counted(found.rows, 'row')} compared"
        f"{f', {found.left_out.total()} left out ({left_out})' if left_out else ''}"
    )
    if found.is_equivalent:
        code = "" if found.replay is not None else ", and the code as well"
        yield f"{place}: the same numbers{code}: {compared}"
        return
    if found.reasons:
        yield f"{place}: not compared: {'; '.join(found.reasons)}"
    if found.differences:
        yield f"{place}: {counted(len(found.differences), 'difference')}: {compared}"
    for difference in found.differences[:_MOST_SHOWN]:
        yield f"    {difference}"
