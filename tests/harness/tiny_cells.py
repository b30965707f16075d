"""Where the tiny experiments are, and the types of the fixtures that make and run their cells."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from suite.declarations import Cell
from suite.harness.deadline import Deadline

PACKAGES_FOLDER = Path(__file__).parent / "packages"


@dataclass(frozen=True)
class DeadlineAtFile(Deadline):
    """A deadline that comes when a file does, so that a test need not guess how long a process takes to start.

    ``asks`` and ``ends`` are not moments here, but whether it asks and whether it ends then (1 or 0).
    """

    file: str = ""

    @property
    def asks_to_stop(self) -> bool:
        return bool(self.asks) and Path(self.file).exists()

    @property
    def has_ended(self) -> bool:
        return bool(self.ends) and Path(self.file).exists()

    @property
    def seconds_left(self) -> float | None:
        return 0.05


class MakeCell(Protocol):
    """Plan one cell at smoke size."""

    def __call__(self, experiment: str, variant: str, seed: int = 0, **overrides: str) -> Cell: ...


class RunTiny(Protocol):
    """Run one cell in the test's own records folder and return the header and rows of its record."""

    def __call__(self, experiment: str, variant: str, seed: int = 0) -> tuple[dict[str, Any], list[dict[str, Any]]]: ...
