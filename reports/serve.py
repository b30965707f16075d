"""Serve the built site on this machine, for browsers that refuse file:// addresses."""

from __future__ import annotations

import functools
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def server(site: Path, port: int) -> ThreadingHTTPServer:
    """Return a server of a built site, listening on this machine alone; port 0 takes a free one.

    Raises:
        FileNotFoundError: When the site has not been built.
    """
    if not (site / "index.html").is_file():
        raise FileNotFoundError(f"there is no site in {site}; `python -m reports build` makes it")
    return ThreadingHTTPServer(("127.0.0.1", port), functools.partial(SimpleHTTPRequestHandler, directory=str(site)))
