"""What an interrupted cell leaves beside the records: its checkpoint, and how long it ran for nothing.

Both lie in ``<records>/checkpoints/`` and are named by the cell and its code, until the cell has a record.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

from suite.harness import schema
from suite.harness.atomic import write_atomically
from suite.harness.resumption import read_checkpoint


@dataclass(frozen=True, order=True)
class Reached:
    """How far a checkpoint is: in which training loop of the cell, counted from 1, and after how many of its steps."""

    loop: int
    step: int
    name: str


def checkpoint_path(records_dir: Path, key: str, code: str) -> Path:
    """Return where the checkpoint of a cell with some code is, while the cell is unfinished."""
    return Path(records_dir, "checkpoints", f"{key}-{code[:16]}.pt")


def reached(checkpoint: Path | bytes) -> Reached | None:
    """Return how far a checkpoint is; None for one that is absent or cannot be read."""
    entries = read_checkpoint(checkpoint)
    if not entries:
        return None
    name, entry = list(entries.items())[-1]
    return Reached(len(entries), int(entry["done"]), name)


def began_alone(checkpoint: Path) -> bool:
    """Return whether a checkpoint is that of a cell which ran alone, not with others as one batched model."""
    return any(not entry.get("together") for entry in read_checkpoint(checkpoint).values())


def note_lost(records_dir: Path, key: str, code: str, seconds: float) -> None:
    """Write down that a cell was ended after so many seconds, of which those since its last checkpoint are lost."""
    checkpoint = checkpoint_path(records_dir, key, code)
    if checkpoint.is_file():
        seconds = max(0.0, min(seconds, time.time() - checkpoint.stat().st_mtime))
    content = schema.encode({"seconds": max(seconds, lost_seconds(records_dir, key, code))})
    write_atomically(_note(records_dir, key, code), content.encode())


def lost_seconds(records_dir: Path, key: str, code: str) -> float:
    """Return the longest time that the cell has run for nothing; 0 when it never did."""
    try:
        return float(json.loads(_note(records_dir, key, code).read_bytes())["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0


def forget(records_dir: Path, key: str, code: str) -> None:
    """Remove what a cell has left that has a record now."""
    checkpoint_path(records_dir, key, code).unlink(missing_ok=True)
    _note(records_dir, key, code).unlink(missing_ok=True)


def _note(records_dir: Path, key: str, code: str) -> Path:
    return checkpoint_path(records_dir, key, code).with_suffix(".json")
