"""Records as two tidy tables: one row per cell, and one row per measurement."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd

from suite.harness.record_file import record_files
from suite.harness.replays import Replays
from suite.harness.schema import parse, validate

__all__ = ["CELL_COLUMNS", "ROW_COLUMNS", "Records", "axes_of", "load", "validate", "with_own_axes"]

_PLACE = ["path", "experiment", "variant", "seed", "profile", "device", "key"]
_RUN = ["revision", "status", "error", "code", "same_code", "commit", "dirty", "start", "seconds"]
_MACHINE = ["torch", "python", "device_name", "cpu", "threads", "data", "stand_in_for", "settings", "machine"]
CELL_COLUMNS = [*_PLACE, *_RUN, *_MACHINE]
ROW_COLUMNS = [*_PLACE, "code", "stand_in_for", "metric", "value", "unit"]


@dataclass(frozen=True)
class Records:
    """All cells and all measurements of some directories.

    Attributes:
        cells: One row per record. ``error`` is empty for a finished cell and ``Type: message`` otherwise; ``same_code``
            is the same for all code that gives the same numbers, by the replays, and a digest of such code; ``data``
            names the data sets with the first digits of their digests; ``stand_in_for`` names what they stand in for;
            ``settings`` is JSON with sorted names;
            ``machine`` is the folder under ``reports/records/``, or empty for local records; ``start`` is the text of
            the record, which sorts by time; ``commit`` is empty where git does not know.
        rows: One row per measurement, with a column for every axis that occurs, not-a-number where a row lacks it.
        replays: The replays that lie below the directories.
    """

    cells: pd.DataFrame
    rows: pd.DataFrame
    replays: Replays = field(default_factory=Replays)


def load(*directories: Path) -> Records:
    """Read every record below some directories; those that do not exist hold none.

    Raises:
        SchemaError: When a file is not a complete record, or none of replays.
    """
    replays = Replays.below(*directories)
    cells: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    paths = {path.resolve(): path for directory in directories for path in record_files(directory)}
    for path in paths.values():
        header, measurements = parse(path)
        cell = _cell(path, header, replays)
        cells.append(cell)
        shared = {name: cell[name] for name in ROW_COLUMNS if name in cell}
        rows.extend(shared | measurement for measurement in measurements)
    axes = dict.fromkeys(name for row in rows for name in row if name not in ROW_COLUMNS)
    row_frame = pd.DataFrame(rows, columns=[*ROW_COLUMNS, *axes])
    return Records(pd.DataFrame(cells, columns=CELL_COLUMNS), row_frame.astype({"value": float}), replays)


def axes_of(rows: pd.DataFrame) -> list[str]:
    """Return the axes that any of the rows has."""
    return [str(name) for name in rows.columns if name not in ROW_COLUMNS and rows[name].notna().any()]


def with_own_axes(rows: pd.DataFrame) -> pd.DataFrame:
    """Return some rows without the columns of axes that none of them has: those of other experiments or records."""
    return rows[[*ROW_COLUMNS, *axes_of(rows)]]


def _cell(path: Path, header: dict[str, Any], replays: Replays) -> dict[str, Any]:
    cell, environment, data = header["cell"], header["environment"], header["cell"]["data"]
    error, code = header["error"], header["code"]["digest"]
    return {
        "path": str(path),
        **{name: cell[name] for name in ("experiment", "variant", "seed", "profile", "device", "key", "revision")},
        "status": header["status"],
        "error": f"{error['type']}: {error['message']}" if error else "",
        "code": code,
        "same_code": min(replays.same(cell["experiment"], cell["device"], code)),
        "commit": header["code"]["commit"] or "",
        "dirty": bool(header["code"]["dirty"]),
        "start": header["start"],
        "seconds": float(header["seconds"]),
        **{name: environment[name] for name in ("torch", "python", "device_name", "cpu", "threads")},
        "data": ", ".join(f"{version['name']} {version['digest'][:12]}" for version in data),
        "stand_in_for": ", ".join(_stood_in_for(data)),
        "settings": json.dumps(cell["settings"], sort_keys=True),
        "machine": _machine(path),
    }


def _stood_in_for(data: list[dict[str, str]]) -> Iterator[str]:
    yield from (version["stand_in_for"] for version in data if version["stand_in_for"])


def _machine(path: Path) -> str:
    """Return the folder under ``reports/records/`` that holds a record, or nothing for a local one."""
    folders = path.resolve().parent.parts
    for position, pair in enumerate(pairwise(folders)):
        if pair == ("reports", "records") and position + 2 < len(folders):
            return folders[position + 2]
    return ""
