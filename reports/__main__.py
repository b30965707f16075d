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
    EXIT_INTERRUPTED,
    RECORD_FOLDERS,
    OneSentenceParser,
    add_record_folders,
    positive,
)
from suite.harness.commands.closed_output import quietly
from suite.harness.errors import RegistryError, SchemaError

SITE = Path("reports/site")
PORT = 8000
BAD_INPUT = (ClaimError, NotASiteError, PublishedNumberError, RegistryError, SchemaError, FileNotFoundError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status: 0 done, 2 something given was wrong, 130 interrupted."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        if options.command == "build":
            page = build(options.records or RECORD_FOLDERS, options.out, options.jobs, _show)
            print(f"The site is in {page.resolve().as_uri()}")
        else:
            _serve(options.site, options.port)
    except KeyboardInterrupt:
        print("Interrupted: a site that was there before is as it was.", file=sys.stderr)
        return EXIT_INTERRUPTED
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
    building.add_argument(
        "--jobs", type=positive, metavar="N", help="Pages made at a time. The default is one for each core, up to 8."
    )
    words = "Serves a built site on this machine alone."
    serving = commands.add_parser("serve", help=words, description=words)
    serving.add_argument(
        "--site", type=Path, default=SITE, metavar="DIR", help="A built site. The default is %(default)s."
    )
    serving.add_argument("--port", type=int, default=PORT, help="Port to listen on. The default is %(default)s.")
    return parser


def _show(done: int, total: int, artefact: str) -> None:
    print(f"[{done}/{total}] {artefact}", file=sys.stderr, flush=True)


def _serve(site: Path, port: int) -> None:
    with server(site, port) as listening:
        print(f"The site is at http://127.0.0.1:{listening.server_port}/ until you press Ctrl-C")
        try:
            listening.serve_forever()
        except KeyboardInterrupt:
            print("stopped")


if __name__ == "__main__":
    sys.exit(quietly(main))
