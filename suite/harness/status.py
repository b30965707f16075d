"""What is known of planned cells: current, replayed, other code, stale, failed or missing."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal

from suite.declarations import Cell, Experiment
from suite.harness import schema
from suite.harness.code_digest import cell_code
from suite.harness.plan import needed_cells
from suite.harness.provenance import device_name
from suite.harness.record_file import cell_header, read_header, record_files, record_path
from suite.harness.registry import EXPERIMENT_PACKAGES, experiments
from suite.harness.replays import Replays
from suite.harness.store import ModelStore

State = Literal["current", "replayed", "other code", "stale", "failed", "missing"]


@dataclass(frozen=True)
class CellStatus:
    """What is known of one planned cell.

    Attributes:
        cell: The cell.
        state: ``current``: finished with this key and this code. ``replayed``: finished with this key and a code whose
            replay gave the same numbers; times are of that code. ``failed``: ran with this key and this code, and did
            not finish. ``other code``: finished with this key and another code. ``stale``: only records of other
            settings, data or revision. ``missing``: no record.
        reason: The exception, or what differs.
    """

    cell: Cell
    state: State
    reason: str = ""

    @property
    def is_finished(self) -> bool:
        """Whether the cell need not run again."""
        return self.state in ("current", "replayed")


def cell_statuses(
    cells: Iterable[Cell],
    records_dir: Path,
    *,
    kept: Sequence[Path] = (),
    replays: Replays | None = None,
    packages: Sequence[str] = EXPERIMENT_PACKAGES,
) -> list[CellStatus]:
    """Return the status of each cell, in order. A file that is not a complete record counts as none.

    Args:
        cells: The cells.
        records_dir: Folder of their records.
        kept: Other folders of records, which count where they have this key and code, or one that was replayed, and
            were measured on a device of the name that the cell's has here.
        replays: What is known of other code to give the same numbers; nothing by default.
        packages: Packages to find experiments in.
    """
    cells = list(cells)
    registered = experiments(packages)
    known = Replays() if replays is None else replays
    headers: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for experiment in sorted({cell.experiment for cell in cells}):
        for path in record_files(Path(records_dir, experiment)):
            header = read_header(path)
            if header is not None:
                headers[_place(header["cell"])].append(header)
    return [
        _status(cell, [*headers[_place(cell_header(cell))], *_kept(cell, kept, registered, known)], registered, known)
        for cell in cells
    ]


def pending_cells(
    statuses: Sequence[CellStatus],
    records_dir: Path,
    data_dir: Path | None = None,
    *,
    packages: Sequence[str] = EXPERIMENT_PACKAGES,
) -> list[Cell]:
    """Return the cells that have to run, in order: those not finished, and those whose lost model one of them needs."""
    registered = experiments(packages)
    store = ModelStore(records_dir)
    pending: dict[str, Cell] = {}
    # Backwards, because a cell comes after those it needs: a lost model may need another lost model.
    wanted: set[str] = set()
    for status in reversed(statuses):
        cell = status.cell
        lost = cell.key in wanted and not store.has(cell.key, cell_code(cell, registered))
        if not status.is_finished or lost:
            pending[cell.key] = cell
            wanted |= {needed.key for needed in needed_cells(cell, data_dir=data_dir, packages=packages)}
    return list(reversed(pending.values()))


def failed_cells(
    cells: Iterable[Cell], folders: Sequence[Path], *, packages: Sequence[str] = EXPERIMENT_PACKAGES
) -> set[str]:
    """Return the keys of the cells that have run with their present code and did not finish."""
    registered = experiments(packages)
    failed = set()
    for cell in cells:
        code = cell_code(cell, registered)
        headers = [read_header(record_path(folder, cell, code)) for folder in folders]
        statuses = {header["status"] for header in headers if header is not None}
        if statuses and "finished" not in statuses:
            failed.add(cell.key)
    return failed


def _kept(
    cell: Cell, folders: Iterable[Path], registered: Mapping[str, Experiment], replays: Replays
) -> Iterator[dict[str, Any]]:
    codes = replays.same(cell.experiment, cell.device, cell_code(cell, registered))
    for folder, code in product(folders, sorted(codes)):
        header = read_header(record_path(folder, cell, code))
        if header is not None and header["environment"]["device_name"] == device_name(cell.device):
            yield header


def _place(cell: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(cell[name] for name in ("experiment", "variant", "seed", "profile", "device"))


def _status(
    cell: Cell, headers: Sequence[dict[str, Any]], registered: Mapping[str, Experiment], replays: Replays
) -> CellStatus:
    code = cell_code(cell, registered)
    headers = sorted(headers, key=lambda header: header["status"] != "finished")
    same_key = [header for header in headers if header["cell"]["key"] == cell.key]
    for header in same_key:
        if header["code"]["digest"] == code:
            error = header["error"]
            if error is None:
                return CellStatus(cell, "current")
            return CellStatus(cell, "failed", f"{error['type']}: {error['message']}")
    finished = [header for header in same_key if header["status"] == "finished"]
    if finished:
        same = replays.same(cell.experiment, cell.device, code)
        replayed = [header for header in finished if header["code"]["digest"] in same]
        newest = max(replayed or finished, key=lambda header: header["start"])
        commit = newest["code"]["commit"]
        return CellStatus(cell, "replayed" if replayed else "other code", f"commit {commit[:10]}" if commit else "")
    if same_key:
        error = max(same_key, key=lambda header: header["start"])["error"]
        return CellStatus(cell, "failed", f"{error['type']}: {error['message']} (with other code)")
    if headers:
        newest = max(headers, key=lambda header: header["start"])
        return CellStatus(cell, "stale", f"another {_difference(cell_header(cell), newest['cell'])}")
    return CellStatus(cell, "missing")


def _difference(planned: Mapping[str, Any], recorded: Mapping[str, Any]) -> str:
    planned = json.loads(schema.encode(dict(planned)))  # as a record holds it: tuples are lists there
    differing = [name for name in ("revision", "data") if planned[name] != recorded[name]]
    settings, others = planned["settings"], recorded["settings"]
    differing += sorted(name for name in settings.keys() | others.keys() if settings.get(name) != others.get(name))
    return ", ".join(differing)
