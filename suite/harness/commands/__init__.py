"""The commands of ``python -m suite``, one module each: its arguments and what it does."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Protocol


class Command(Protocol):
    """What a module of this package offers."""

    DESCRIPTION: str
    """What the command does, in complete sentences."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's arguments."""
        ...

    def execute(self, arguments: argparse.Namespace, packages: Sequence[str]) -> int:
        """Do it, with experiments from these packages, and return the exit code."""
        ...
