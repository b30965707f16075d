"""What takes long to make and is only read: one process of a test run makes it, and the others wait for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from filelock import FileLock


def make_once(name: Path, make: Callable[[], object]) -> None:
    """Make something unless a process of this run has made it.

    Args:
        name: Stands for it, in a folder that all processes of the run share.
        make: Makes it.
    """
    complete = name.with_name(f"{name.name}.complete")
    with FileLock(f"{name}.lock"):
        if not complete.exists():
            make()
            complete.touch()
