"""``python -m suite data``: fetches data sets, or checks the files that are there."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from suite.harness.commands.arguments import EXIT_FAILED, EXIT_FINISHED, add_data_dir
from suite.harness.errors import InputError

DESCRIPTION = (
    "With 'fetch', downloads what the data cache lacks. With 'check', says of each data set which files are found "
    "and whether they are the published ones; a damaged file makes the exit code 1."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("action", choices=("fetch", "check"), help="Whether to download or only to look.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="Names of data sets. Without any, all are taken.")
    add_data_dir(parser)


def execute(arguments: argparse.Namespace, packages: Sequence[str]) -> int:
    """Fetch or check data sets and print the state of each file."""
    del packages
    from suite import datasets

    for name in arguments.names:
        if name not in datasets.DATA_SETS:
            raise InputError(f"unknown data set {name!r}; the data sets are {', '.join(datasets.DATA_SETS)}")
    failed = False
    for name in arguments.names or datasets.DATA_SETS:
        try:
            fetching = arguments.action == "fetch"
            states = datasets.fetch(name) if fetching else datasets.check(name, arguments.data_dir)
        except OSError as error:
            print(f"{name}: {error}")
            failed = True
            continue
        if not states:
            print(f"{name}: needs no files")
        for state in states:
            print(f"{name}: {state.state}: {state.path}")
            failed |= state.state == "damaged"
    return EXIT_FAILED if failed else EXIT_FINISHED
