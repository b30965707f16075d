"""Record files on disk: where the record of a cell lies, writing it, and reading what one needs to resume."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from suite.declarations import Cell
from suite.harness import schema
from suite.harness.atomic import write_atomically
from suite.harness.errors import SchemaError

REPLAYS = "replays.jsonl"
"""The name of files that lie beside records and are none: see ``suite/harness/replays.py``."""


def record_path(records_dir: Path, cell: Cell, code: str) -> Path:
    """Return where the record of a cell lies that ran with the code of digest ``code``."""
    name = f"{cell.variant}-{cell.profile}-{cell.device}-s{cell.seed}-{cell.key}-{code[:8]}.jsonl"
    return Path(records_dir).joinpath(*cell.experiment.split("/"), name)


def cell_header(cell: Cell) -> dict[str, Any]:
    """Return the ``cell`` member of a header."""
    return {
        "key": cell.key,
        "experiment": cell.experiment,
        "variant": cell.variant,
        "seed": cell.seed,
        "profile": cell.profile,
        "device": cell.device,
        "revision": cell.revision,
        "settings": cell.settings.values(),
        "data": [dataclasses.asdict(version) for version in cell.data],
    }


def write_record(path: Path, header: dict[str, Any], rows: Iterable[dict[str, Any]]) -> None:
    """Write a record atomically; a record of the same cell and code is replaced."""
    lines = [schema.encode(header), *(schema.encode(row) for row in rows)]
    write_atomically(path, "".join(f"{line}\n" for line in lines).encode())


def read_header(path: Path) -> dict[str, Any] | None:
    """Return the header of a record, or None when there is no complete record at ``path``."""
    try:
        header, _ = schema.parse(path)
    except (FileNotFoundError, SchemaError):
        return None
    return header


def record_files(directory: Path) -> Iterator[Path]:
    """Yield every record file below a directory, sorted; temporary files and replays are none."""
    paths = Path(directory).rglob("*.jsonl")
    yield from sorted(path for path in paths if not path.name.startswith(".") and path.name != REPLAYS)
