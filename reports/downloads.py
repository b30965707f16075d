"""The records of an experiment to take away: two CSV files, and the JSON-lines files they were read from."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from reports.numerals import number, seconds
from reports.settings_table import changed_settings
from reports.tables import Table
from suite.declarations import Experiment
from suite.harness.records import Records

LOCAL = "local"


@dataclass(frozen=True)
class Downloads:
    """What lies beside a page: how much of it, and where the raw files lie."""

    cells: str
    measurements: str
    raw: tuple[str, ...]
    overview: Table


def write_downloads(records: Records, experiment: Experiment, folder: Path) -> Downloads | None:
    """Write ``cells.csv``, ``measurements.csv`` and ``raw/`` into a folder; None when there is no record.

    In both CSV files the column ``path`` is the place of the raw file, relative to the CSV file.
    """
    cells, rows = records.cells, records.rows
    if cells.empty:
        return None
    places = raw_places(cells)
    for path, place in places.items():
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    written = rows.assign(path=rows["path"].map(places), value=rows["value"].map(repr))
    written.dropna(axis="columns", how="all").to_csv(folder / "measurements.csv", index=False)
    cells.assign(path=cells["path"].map(places)).to_csv(folder / "cells.csv", index=False)
    return Downloads(
        cells=number(len(cells)),
        measurements=number(len(rows)),
        raw=tuple(sorted(places.values())),
        overview=_overview(cells, experiment),
    )


def raw_places(cells: pd.DataFrame) -> dict[str, str]:
    """Return where each record file lies beside its experiment's page, by its path now."""
    return {
        path: f"raw/{machine or LOCAL}/{Path(path).name}"
        for path, machine in zip(cells["path"], cells["machine"], strict=True)
    }


def _overview(cells: pd.DataFrame, experiment: Experiment) -> Table:
    columns = ["profile", "device", "machine", "code", "settings"]
    lines = []
    for (profile, device, machine, code, settings), group in cells.groupby(columns, sort=True):
        lines.append(
            (
                str(profile),
                str(device),
                str(machine) or LOCAL,
                str(code)[:8],
                ", ".join(sorted({str(torch) for torch in group["torch"]})),
                number(len(group)),
                number(int((group["status"] != "finished").sum())),
                seconds(float(group["seconds"].sum())),
                str(group["start"].max())[:10],
                changed_settings(str(settings), experiment, str(profile)) or "of the profile",
            )
        )
    return Table(
        "Records by profile, device, machine, code and settings",
        ("profile", "device", "machine", "code", "torch", "cells", "not finished", "time", "last started", "settings"),
        tuple(lines),
        words=(0, 1, 2, 3, 4, 9),
    )
