"""Commands whose output nobody reads to its end, as in ``python -m suite list | head -3``."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable

EXIT_UNREAD = 141
"""What a shell says of a tool that a closed pipe has ended: 128 and the number of the signal."""


def quietly(command: Callable[[], int]) -> int:
    """Run a command and return its exit status; where the reader of its output goes, it ends there and says nothing.

    The signal itself would end a server as well, of which one client among many has gone.
    """
    try:
        try:
            status = command()
        except SystemExit:  # after --help
            sys.stdout.flush()
            raise
        sys.stdout.flush()
    except BrokenPipeError:
        if not _reader_has_gone():  # another pipe, such as one to a worker
            raise
        # What is still to be written would fail once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_UNREAD
    return status


def _reader_has_gone() -> bool:
    output = select.poll()
    output.register(sys.stdout.fileno(), 0)
    return bool(output.poll(0))  # errors are reported without being asked for
