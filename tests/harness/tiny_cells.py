"""Where the tiny experiments are, and the types of the fixtures that make and run their cells."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from suite.declarations import Cell

PACKAGES_FOLDER = Path(__file__).parent / "packages"


class MakeCell(Protocol):
    """Plan one cell at smoke size."""

    def __call__(self, experiment: str, variant: str, seed: int = 0, **overrides: str) -> Cell: ...


class RunTiny(Protocol):
    """Run one cell in the test's own records folder and return the header and rows of its record."""

    def __call__(self, experiment: str, variant: str, seed: int = 0) -> tuple[dict[str, Any], list[dict[str, Any]]]: ...
