"""What cells are expected to take, by the newest record of their kind or else by the table of the paper profile."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from suite.declarations import Cell
from suite.harness import schema

_TABLE = Path(__file__).with_name("paper_costs.toml")


@dataclass(frozen=True)
class Estimate:
    """Seconds that a cell is expected to take, infinitely many where nothing is known, and how that is known."""

    seconds: float
    source: Literal["record", "table", "unknown"]


@dataclass(frozen=True)
class PaperCosts:
    """The table of ``paper_costs.toml``, whose keys are ids of experiments or ``<id> <variant>``."""

    first: tuple[str, ...]
    last: tuple[str, ...]
    seconds: dict[str, float]

    def rank(self, cell: Cell) -> int:
        """Return a number that is the smaller the more a cell is wanted."""
        keys = _keys(cell)
        for number, entry in enumerate(self.last, start=1):
            if entry in keys:
                return number
        for number, entry in enumerate(self.first):
            if entry in keys:
                return number - len(self.first)
        return 0

    def of(self, cell: Cell) -> float | None:
        """Return the seconds of a cell of the paper profile, if the table has them."""
        return next((self.seconds[key] for key in _keys(cell) if key in self.seconds), None)


@cache
def paper_costs() -> PaperCosts:
    """Return the table."""
    table = tomllib.loads(_TABLE.read_text(encoding="utf-8"))
    return PaperCosts(tuple(table["first"]), tuple(table["last"]), table["seconds"])


def estimates(cells: Iterable[Cell], folders: Sequence[Path]) -> dict[str, Estimate]:
    """Return the estimate of each cell by its key.

    Args:
        cells: The cells.
        folders: Folders with records of this machine, or with a folder of records for each of several machines. The
            newest finished record of a cell's experiment, variant, profile and class of device counts.
    """
    found: dict[tuple[str, str, str, str], Estimate] = {}
    by_key = {}
    for cell in cells:
        kind = (cell.experiment, cell.variant, cell.profile, cell.device)
        if kind not in found:
            found[kind] = _estimate(cell, folders)
        by_key[cell.key] = found[kind]
    return by_key


def _estimate(cell: Cell, folders: Sequence[Path]) -> Estimate:
    headers = list(_finished(cell, folders))
    if headers:
        return Estimate(float(max(headers, key=lambda header: header["start"])["seconds"]), "record")
    seconds = paper_costs().of(cell) if cell.profile == "paper" else None
    return Estimate(float("inf"), "unknown") if seconds is None else Estimate(float(seconds), "table")


def _finished(cell: Cell, folders: Sequence[Path]) -> Iterator[dict[str, Any]]:
    name = f"{cell.experiment}/{cell.variant}-{cell.profile}-{cell.device}-s*.jsonl"
    for folder in folders:
        for path in (*folder.glob(name), *folder.glob(f"*/{name}")):
            header = _header(path)
            if header is not None and header["status"] == "finished" and header["cell"]["variant"] == cell.variant:
                yield header


def _header(path: Path) -> dict[str, Any] | None:
    """Return the header of a record without reading its rows, or None when it has none."""
    with path.open("rb") as file:
        first = file.readline()
    try:
        header: dict[str, Any] = json.loads(first)
        schema.check_header(header)
    except ValueError:
        return None
    return header


def _keys(cell: Cell) -> tuple[str, str]:
    return f"{cell.experiment} {cell.variant}", cell.experiment
