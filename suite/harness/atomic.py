"""Files that are either complete or absent: written beside their place, then renamed into it."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path

_SUFFIX = ".tmp"


def write_atomically(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` so that no reader, and no crash, ever leaves half of it there.

    The temporary file carries the host and the process that writes it, so that a later run can tell a leftover
    from the work of a process that is still alive.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{socket.gethostname()}+{os.getpid()}+{secrets.token_hex(4)}{_SUFFIX}"
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_leftovers(directory: Path) -> int:
    """Remove the temporary files below ``directory`` whose process is gone, and return how many there were.

    Files of another host are left alone: their process cannot be asked, and nothing ever reads them.
    """
    removed = 0
    for leftover in directory.rglob(f".*{_SUFFIX}"):
        host, _, rest = leftover.name[1:].partition("+")
        process = rest.partition("+")[0]
        if host == socket.gethostname() and process.isdecimal() and not _is_alive(int(process)):
            leftover.unlink(missing_ok=True)
            removed += 1
    return removed


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
