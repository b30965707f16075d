"""Headers of record files, for what the tidy tables leave out: settings, versions, whole digests and tracebacks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd


def header(path: str) -> dict[str, Any]:
    """Return the header of a record that was loaded before, and so is known to be complete: its first line."""
    with Path(path).open(encoding="utf-8") as file:
        return dict(json.loads(file.readline()))


def headers(cells: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the headers of the records of some cells."""
    return [header(path) for path in cells["path"]]
