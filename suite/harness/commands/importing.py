"""``python -m suite import``: takes over what another machine has measured and trained."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from suite.harness.commands.arguments import EXIT_FINISHED, KEPT_RECORDS, add_records_dir
from suite.harness.errors import InputError

DESCRIPTION = (
    "Unpacks the archives that 'run --out DIR' has written, after checking all of them. Records go to "
    f"{KEPT_RECORDS}/<machine>/, checkpoints and trained models into the records folder, so that the next run goes on "
    "from them. Doing it twice changes nothing."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="Folder with the archives.")
    add_records_dir(parser)
    parser.add_argument(
        "--machine",
        metavar="NAME",
        help="Folder for the records. By default it is made from the name of the device in each of them.",
    )


def execute(arguments: argparse.Namespace, packages: Sequence[str]) -> int:
    """Unpack the archives and print where how many files went."""
    del packages
    from suite.harness.unpacking import unpack

    for folder in (arguments.records, KEPT_RECORDS):
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder} is not a folder")
    unpacked = unpack(arguments.folder, KEPT_RECORDS, arguments.records, arguments.machine)
    for folder, count in sorted(unpacked.written.items()):
        print(f"{folder}: {count} written")
    print(f"Files written: {unpacked.written.total()}; already there: {unpacked.unchanged}.")
    return EXIT_FINISHED
