"""What the smoke run measured, for tests to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from suite.harness.schema import parse

Rows = list[dict[str, Any]]


def rows_by_variant(smoke_records: Path, experiment: str) -> dict[str, Rows]:
    """Return the measurements of each variant of an experiment with seed 0."""
    parsed = [parse(path) for path in (smoke_records / experiment).glob("*-smoke-cpu-s0-*.jsonl")]
    return {header["cell"]["variant"]: rows for header, rows in parsed}
