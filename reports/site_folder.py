"""The folder of the site: built beside its place and swapped in, so that no reader sees half of it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MARK = "verdicts.json"
"""A file that every site has; a folder without it is not replaced."""


class NotASiteError(OSError):
    """The folder to write into holds something that is not a site of this project."""


@contextmanager
def replaced(site: Path) -> Iterator[Path]:
    """Give an empty folder to build in, which takes the place of ``site`` when the block ends without an error.

    Raises:
        NotASiteError: When ``site`` is a file, or a folder that holds anything but a site; nothing is touched then.
    """
    if site.is_file() or (site.is_dir() and any(site.iterdir()) and not (site / MARK).is_file()):
        raise NotASiteError(f"{site} holds something else than a site; give an empty or a new folder")
    site.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{site.name}-new-", dir=site.parent))
    try:
        building.chmod(0o755)
        yield building
        if site.exists():
            former = Path(tempfile.mkdtemp(prefix=f".{site.name}-old-", dir=site.parent))
            site.rename(former / site.name)
            building.rename(site)
            shutil.rmtree(former)
        else:
            building.rename(site)
    finally:
        shutil.rmtree(building, ignore_errors=True)
