"""The command line of the reference: ``python -m reference verdicts``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console

from reference import claims, listing, published
from reference.selection import profile_settings
from reference.verdicts import verdicts
from suite.harness import records
from suite.harness.commands.arguments import (
    EXIT_BAD_INPUT,
    EXIT_FINISHED,
    RECORD_FOLDERS,
    OneSentenceParser,
    add_record_folders,
)
from suite.harness.errors import RegistryError, SchemaError
from suite.harness.registry import experiments


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: The words after ``python -m reference``; by default those of this process.

    Returns:
        0 when all claims were gone through, whatever the verdicts, and 2 for bad input.
    """
    parser = OneSentenceParser(prog="python -m reference", description="Judges measured records against the papers.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", title="commands")
    words = "Prints a verdict on every claim, with the numbers it rests on."
    command = commands.add_parser("verdicts", help=words, description=words)
    command.add_argument("--json", action="store_true", help="Prints JSON.")
    add_record_folders(command)
    parsed = parser.parse_args(arguments)
    try:
        numbers = published.load()
        known = claims.load(numbers)
        loaded = records.load(*(parsed.records or RECORD_FOLDERS))
        declared = profile_settings(experiments())
    except (published.PublishedNumberError, claims.ClaimError, SchemaError, RegistryError) as error:
        print(f"{parser.prog} {parsed.command}: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    found = verdicts(known.values(), loaded.cells, loaded.rows, numbers, declared)
    if parsed.json:
        print(listing.as_json(found))
    else:
        Console().print(listing.table(found, numbers))
    return EXIT_FINISHED


if __name__ == "__main__":
    sys.exit(main())
