"""A stamp for trees that leave their git checkout: the commit, and a digest that says if the sources are still its.

A tree that is exported (``git archive``, a copy without ``.git``) is not known to git any more. A stamp that was made
before, in the checkout, travels with it, so that records measured there still name their commit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from suite.harness.atomic import write_atomically

STAMP = ".depthmark-stamp.json"
"""Its name at the top of the tree; git ignores it."""

_PACKAGES = ("suite", "reference")
_SOURCES = (".py", ".toml")


def write_stamp(tree: Path, commit: str, dirty: bool | None) -> Path:
    """Write the stamp of a tree and return its path."""
    path = tree / STAMP
    content = json.dumps({"commit": commit, "dirty": dirty, "sources": sources_digest(tree)}, indent=2)
    write_atomically(path, f"{content}\n".encode())
    return path


def stamped(tree: Path) -> tuple[str | None, bool | None]:
    """Return the commit that a tree is stamped with and whether its code differed from it.

    Twice None where there is no stamp, or none that can be read, or one of other sources.
    """
    try:
        stamp = json.loads((tree / STAMP).read_bytes())
        commit, dirty, sources = stamp["commit"], stamp["dirty"], stamp["sources"]
    except (OSError, ValueError, KeyError, TypeError):
        return None, None
    if not isinstance(commit, str) or not isinstance(dirty, bool | None) or sources != sources_digest(tree):
        return None, None
    return commit, dirty


def sources_digest(tree: Path) -> str:
    """Return a SHA-256 digest over names and bytes of the source files of ``suite/`` and ``reference/``."""
    digest = hashlib.sha256()
    for path in sorted(_sources(tree)):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{content}  {path.relative_to(tree).as_posix()}\n".encode())
    return digest.hexdigest()


def _sources(tree: Path) -> Iterator[Path]:
    for package in _PACKAGES:
        yield from (path for path in (tree / package).rglob("*") if path.suffix in _SOURCES and path.is_file())
