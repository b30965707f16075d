"""The command line of the suite: ``python -m suite list | run | status | replay | data | stamp | import``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from suite.harness.commands import Command, data, importing, listing, replay, run, stamp, status
from suite.harness.commands.arguments import EXIT_BAD_INPUT, OneSentenceParser
from suite.harness.commands.closed_output import quietly
from suite.harness.errors import InputError, SchemaError
from suite.harness.registry import EXPERIMENT_PACKAGES

COMMANDS: dict[str, Command] = {
    "list": listing,
    "run": run,
    "status": status,
    "replay": replay,
    "data": data,
    "stamp": stamp,
    "import": importing,
}


def main(arguments: Sequence[str] | None = None, *, packages: Sequence[str] = EXPERIMENT_PACKAGES) -> int:
    """Run one command.

    Args:
        arguments: The words after ``python -m suite``; by default those of this process.
        packages: Packages to find experiments in.

    Returns:
        0 when all went well, 1 when a cell or a data set failed, 2 for bad input, 130 after Ctrl-C.
    """
    words = sys.argv[1:] if arguments is None else [*arguments]
    parser = OneSentenceParser(
        prog="python -m suite", description="Measures the published experiments of continuous-depth deep learning."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", title="commands")
    for name, command in COMMANDS.items():
        command.add_arguments(commands.add_parser(name, help=command.DESCRIPTION, description=command.DESCRIPTION))
    parsed = parser.parse_args(words)
    parsed.command_line = words
    try:
        return COMMANDS[parsed.command].execute(parsed, packages)
    except (InputError, SchemaError) as error:
        print(f"{parser.prog} {parsed.command}: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT


if __name__ == "__main__":
    sys.exit(quietly(main))
