"""Comparing the records of the same cells by two versions of the code: every row bit for bit, but those that vary."""

from __future__ import annotations

import json
import struct
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from suite.declarations import Experiment, Varying
from suite.harness import schema
from suite.harness.record_file import record_files
from suite.harness.replays import Replay
from suite.harness.varying_rows import TIME_UNITS, is_varying
from suite.harness.wording import counted

_SAME = ("torch", "device_name", "cpu", "threads")
"""What has to be the same of the environment for numbers to be."""

Record = tuple[dict[str, Any], list[dict[str, Any]]]
"""Header and rows."""

Place = tuple[str, str, str]
"""Experiment, profile and class of device."""


@dataclass
class Comparison:
    """What came of comparing the records of one experiment at one profile on one class of device.

    Attributes:
        experiment: Its id.
        profile: The profile.
        device: The class of device.
        cells: How many cells had rows that were compared.
        rows: How many rows were compared.
        left_out: How many were not, by unit, metric or variant.
        reasons: Why nothing can be said of the code as a whole; empty where something can.
        differences: Rows that differ, in words.
        replay: The replay, where the numbers of two different codes are the same.
    """

    experiment: str
    profile: str
    device: str
    cells: int = 0
    rows: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    reasons: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    replay: Replay | None = None

    @property
    def is_equivalent(self) -> bool:
        """Whether all numbers are the same."""
        return not self.reasons and not self.differences


def compare(old: Path, new: Path, registered: Mapping[str, Experiment]) -> list[Comparison]:
    """Compare each experiment of the records below ``old`` with the same cells below ``new``.

    Args:
        old: Folder of records by one version of the code.
        new: Folder of records by the other.
        registered: Experiments by id, which say what of them varies.

    Raises:
        SchemaError: When a record is not complete.
    """
    before, after = _by_place(old), _by_place(new)
    return [_compared(place, records, after.get(place, []), registered) for place, records in sorted(before.items())]


def _by_place(folder: Path) -> dict[Place, list[Record]]:
    found: dict[Place, list[Record]] = defaultdict(list)
    for path in record_files(folder):
        header, rows = schema.parse(path)
        cell = header["cell"]
        found[cell["experiment"], cell["profile"], cell["device"]].append((header, rows))
    return found


def _compared(place: Place, old: list[Record], new: list[Record], registered: Mapping[str, Experiment]) -> Comparison:
    result = Comparison(*place)
    experiment = registered.get(result.experiment)
    result.reasons += _obstacles(old, new, experiment)
    if experiment is None or result.reasons:
        return result
    after = {header["cell"]["key"]: (header, rows) for header, rows in new}
    for header, rows in old:
        _compare_cell((header, rows), after[header["cell"]["key"]], experiment, result)
    if not result.rows:
        result.reasons.append("no row could be compared")
    before, latest = (max((header for header, _ in each), key=lambda header: header["start"]) for each in (old, new))
    if result.is_equivalent and before["code"]["digest"] != latest["code"]["digest"]:
        result.replay = Replay(
            experiment=result.experiment,
            device=result.device,
            profile=result.profile,
            old=before["code"],
            new=latest["code"],
            cells=result.cells,
            rows=result.rows,
            left_out=dict(sorted(result.left_out.items())),
            **{name: latest["environment"][name] for name in _SAME},
            date=latest["start"][:10],
        )
    return result


def _obstacles(old: list[Record], new: list[Record], experiment: Experiment | None) -> Iterator[str]:
    """Yield why records cannot be compared cell by cell, or would not stand for the whole experiment."""
    if experiment is None:
        yield "no such experiment is registered"
        return
    if not new:
        yield "NEW has no record of it"
        return
    absent: list[str] = []
    for name, records in (("OLD", old), ("NEW", new)):
        digests = {header["code"]["digest"] for header, _ in records}
        if len(digests) > 1:
            names = ", ".join(digest[:8] for digest in sorted(digests))
            yield f"{name} holds records of {len(digests)} versions of its code ({names})"
        absent = sorted(set(experiment.variants) - {header["cell"]["variant"] for header, _ in records})
        if absent:
            yield f"{name} has no record of {', '.join(absent)}"
    keys = {header["cell"]["key"] for header, _ in new}
    lacking = [_name(header) for header, _ in old if header["cell"]["key"] not in keys]
    if lacking and not absent:
        yield f"NEW lacks {counted(len(lacking), 'cell')} of OLD with the same key: {', '.join(lacking)}"
    for name in _SAME:
        values = [{header["environment"][name] for header, _ in records} for records in (old, new)]
        if values[0] != values[1] or len(values[0]) > 1:
            texts = [" and ".join(sorted(map(str, each))) for each in values]
            yield f"{name} is {texts[0]} in OLD and {texts[1]} in NEW"


def _compare_cell(old: Record, new: Record, experiment: Experiment, result: Comparison) -> None:
    name = _name(old[0])
    ends = [_end(header) for header, _ in (old, new)]
    if ends[0] != ends[1]:
        result.differences.append(f"{name} {ends[0]} in OLD and {ends[1]} in NEW")
    variant = old[0]["cell"]["variant"]
    result.left_out += Counter(filter(None, (_left_out(experiment, variant, row) for row in old[1])))
    before, after = (_values(rows, variant, experiment) for _, rows in (old, new))
    for key in {**before, **after}:
        ours, theirs = before.get(key, []), after.get(key, [])
        if list(map(_bits, ours)) != list(map(_bits, theirs)):
            result.differences.append(f"{name} {_row_name(key)}: {_words(ours)} in OLD and {_words(theirs)} in NEW")
    count = sum(map(len, before.values()))
    result.rows += count
    result.cells += bool(count)


def _left_out(experiment: Experiment, variant: str, row: Mapping[str, Any]) -> str:
    """Return under which name a row is left out; nothing for one that is compared."""
    if not is_varying(experiment, variant, row):
        return ""
    if row["unit"] in TIME_UNITS:
        return str(row["unit"])
    return variant if variant in experiment.varying.variants else f"{row['metric']} [{row['unit']}]"


def _values(rows: list[dict[str, Any]], variant: str, experiment: Experiment) -> dict[str, list[float]]:
    """Return the values of the rows that are compared, by all else that they hold, in the order of the record."""
    values: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if not _left_out(experiment, variant, row):
            values[_key(row, experiment.varying)].append(row["value"])
    return values


def _key(row: Mapping[str, Any], varying: Varying) -> str:
    axes = {name: row[name] for name in sorted(row) if name not in ("metric", "value", "unit", *varying.axes)}
    return schema.encode({"metric": row["metric"], "unit": row["unit"], **axes})


def _row_name(key: str) -> str:
    row = json.loads(key)
    axes = "".join(f", {name} = {value}" for name, value in row.items() if name not in ("metric", "unit"))
    return f"{row['metric']} [{row['unit']}]{axes}"


def _bits(value: float) -> bytes:
    return struct.pack("<d", value)


def _words(values: list[float]) -> str:
    return ", ".join(map(repr, values)) or "absent"


def _end(header: Mapping[str, Any]) -> str:
    error = header["error"]
    return f"{header['status']} with {error['type']}" if error else str(header["status"])


def _name(header: Mapping[str, Any]) -> str:
    return f"{header['cell']['variant']} seed {header['cell']['seed']}"
