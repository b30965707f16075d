"""The command line of the reference: ``python -m reference verdicts`` and ``python -m reference stand-in``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from reference import claims, listing, published, stand_in
from reference.verdicts import verdicts
from suite.harness import records
from suite.harness.commands.arguments import (
    EXIT_BAD_INPUT,
    EXIT_FAILED,
    EXIT_FINISHED,
    RECORD_FOLDERS,
    OneSentenceParser,
    add_record_folders,
)
from suite.harness.commands.closed_output import quietly
from suite.harness.errors import RegistryError, SchemaError
from suite.harness.registry import experiments


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: The words after ``python -m reference``; by default those of this process.

    Returns:
        0 when all claims were gone through, whatever the verdicts, or when all tests passed but for listed deviations;
        1 when another test failed; and 2 for bad input.
    """
    parser = OneSentenceParser(prog="python -m reference", description="Judges measured records against the papers.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", title="commands")
    words = "Prints a verdict on every claim, with the numbers it rests on."
    command = commands.add_parser("verdicts", help=words, description=words)
    command.add_argument("--json", action="store_true", help="Prints JSON.")
    add_record_folders(command)
    words = "Runs torchdiffeq's own tests with our functions in place of its own."
    command = commands.add_parser("stand-in", help=words, description=words)
    command.add_argument("folder", type=Path, metavar="TESTS", help="Folder 'tests' of torchdiffeq's repository.")
    parsed = parser.parse_args(arguments)
    try:
        return _stand_in(parsed) if parsed.command == "stand-in" else _verdicts(parsed)
    except (
        published.PublishedNumberError,
        claims.ClaimError,
        SchemaError,
        RegistryError,
        FileNotFoundError,
    ) as error:
        print(f"{parser.prog} {parsed.command}: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT


def _verdicts(parsed: argparse.Namespace) -> int:
    numbers = published.load()
    known = claims.load(numbers)
    loaded = records.load(*(parsed.records or RECORD_FOLDERS))
    found = verdicts(known.values(), loaded.cells, loaded.rows, numbers, experiments())
    if parsed.json:
        print(listing.as_json(found))
    else:
        Console().print(listing.table(found, numbers))
    return EXIT_FINISHED


def _stand_in(parsed: argparse.Namespace) -> int:
    outcomes = stand_in.run(parsed.folder)
    Console().print(stand_in.table(outcomes))
    return EXIT_FAILED if any(outcome.unexplained() for outcome in outcomes) else EXIT_FINISHED


if __name__ == "__main__":
    sys.exit(quietly(main))
