"""``python -m reports build | serve``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from reference.claims import ClaimError
from reference.published import PublishedNumberError
from reports.build import build
from reports.serve import server
from reports.site_folder import NotASiteError
from suite.harness.commands.arguments import (
    EXIT_BAD_INPUT,
    EXIT_FINISHED,
    RECORD_FOLDERS,
    OneSentenceParser,
    add_record_folders,
)
from suite.harness.errors import RegistryError, SchemaError

SITE = Path("reports/site")
PORT = 8000
BAD_INPUT = (ClaimError, NotASiteError, PublishedNumberError, RegistryError, SchemaError, FileNotFoundError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status: 0 when done, 2 when something given was wrong."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        if options.command == "build":
            print(f"The site is in {build(options.records or RECORD_FOLDERS, options.out).resolve().as_uri()}")
        else:
            _serve(options.site, options.port)
    except BAD_INPUT as error:
        print(f"{parser.prog} {options.command}: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    return EXIT_FINISHED


def _parser() -> argparse.ArgumentParser:
    parser = OneSentenceParser(prog="python -m reports", description="Shows what the records say.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", title="commands")
    words = "Writes the site, which opens from file://."
    building = commands.add_parser("build", help=words, description=words)
    add_record_folders(building)
    building.add_argument(
        "--out", type=Path, default=SITE, metavar="DIR", help="Folder of the site. The default is %(default)s."
    )
    words = "Serves a built site on this machine alone."
    serving = commands.add_parser("serve", help=words, description=words)
    serving.add_argument(
        "--site", type=Path, default=SITE, metavar="DIR", help="A built site. The default is %(default)s."
    )
    serving.add_argument("--port", type=int, default=PORT, help="Port to listen on. The default is %(default)s.")
    return parser


def _serve(site: Path, port: int) -> None:
    with server(site, port) as listening:
        print(f"The site is at http://127.0.0.1:{listening.server_port}/ until you press Ctrl-C")
        try:
            listening.serve_forever()
        except KeyboardInterrupt:
            print("stopped")


if __name__ == "__main__":
    sys.exit(main())
