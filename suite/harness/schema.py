"""The schema of record files, version 1, and its validator.

A record is a file of JSON lines in UTF-8, ``<records>/<paper>/<artefact>/<name>.jsonl``, one for each cell and code.
The first line is the header, an object of exactly these members, of which ``together`` may be absent:

* ``schema``: the integer 1.
* ``cell``: ``key`` (16 hexadecimal digits that change with anything below), ``experiment``, ``variant``, ``seed``
  (index from 0), ``profile``, ``device`` (``cpu`` or ``cuda``), ``revision``, ``settings`` (an object), and ``data``,
  a list of ``{"name", "digest", "stand_in_for"}``; ``stand_in_for`` is empty unless the data takes another's place.
* ``code``: ``digest`` (SHA-256 of the code behind the numbers, computed without git), ``commit`` and ``dirty`` (null
  outside a git tree).
* ``environment``: ``python``, ``torch``, ``cuda`` (the version torch was built for, or null), ``driver`` (or null),
  ``device_name``, ``cpu``, ``threads``, ``platform``, ``dependencies`` (a digest of what is pinned or installed), and
  ``tf32`` (whether matrix products or convolutions on the device might use it, where no setting of the cell speaks of
  precision).
* ``start``: ISO-8601 in UTC. ``seconds``: the duration.
* ``status``: ``finished``, ``failed`` or ``diverged``. ``error``: null when finished, and otherwise ``{"type",
  "message", "traceback"}``.
* ``together``: the seeds of the cells that ran as one batched model, this one's among them, of whose common time
  ``seconds`` is this cell's part; absent when it ran alone.

Every further line is one measurement: ``metric``, ``value``, ``unit``, and any axes (``epoch``, ``tolerance``, ...),
whose values are strings or numbers. Rows of a cell that failed are those it measured until then.

The JSON is strict: numbers that are not finite are the strings ``"NaN"``, ``"Infinity"`` and ``"-Infinity"``.
"""

from __future__ import annotations

import json
import math
import re
import typing
from datetime import datetime
from pathlib import Path
from typing import Any

from suite.declarations import PROFILES, DeviceClass
from suite.harness.errors import SchemaError

VERSION = 1

STATUSES = ("finished", "failed", "diverged")

_COLUMNS = ("path", "experiment", "variant", "seed", "profile", "device", "key", "code", "stand_in_for", "machine")
NOT_AXES = frozenset({"metric", "value", "unit", *_COLUMNS})
"""Names that an axis cannot have, because the tidy table has a column of that name for something else."""

_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

_NUMBER = (int, float)
_HEADER: dict[str, Any] = {
    "schema": int,
    "cell": {
        "key": str,
        "experiment": str,
        "variant": str,
        "seed": int,
        "profile": str,
        "device": str,
        "revision": int,
        "settings": dict,
        "data": [{"name": str, "digest": str, "stand_in_for": str}],
    },
    "code": {"digest": str, "commit": (str, None), "dirty": (bool, None)},
    "environment": {
        "python": str,
        "torch": str,
        "cuda": (str, None),
        "driver": (str, None),
        "device_name": str,
        "cpu": str,
        "threads": int,
        "platform": str,
        "dependencies": str,
        "tf32": bool,
    },
    "start": str,
    "seconds": _NUMBER,
    "status": str,
    "error": ({"type": str, "message": str, "traceback": str}, None),
}
_MAY_BE_ABSENT: dict[str, Any] = {"together": [int]}


def validate(path: Path) -> None:
    """Check that a file is a complete record of this schema.

    Raises:
        SchemaError: When it is not, naming the file, the line and the member.
    """
    parse(path)


def parse(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the validated header and rows of a record, their non-finite numbers restored.

    Raises:
        SchemaError: When the file is not a complete record of this schema.
    """
    return parse_bytes(path.read_bytes(), path)


def parse_bytes(content: bytes, path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return what :func:`parse` would for a file of this content; the path is for messages.

    Raises:
        SchemaError: When the content is not a complete record of this schema.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise SchemaError(f"{path}: not a text file in UTF-8") from None
    if not text.endswith("\n"):
        raise SchemaError(f"{path}: the last line is cut off, or the file is empty")
    first, *others = text[:-1].split("\n")
    header = _checked(path, 1, first, check_header)
    rows = [_checked(path, number, line, check_row) for number, line in enumerate(others, start=2)]
    for row in rows:
        row.update(
            {name: _NOT_FINITE.get(value, value) for name, value in row.items() if name not in ("metric", "unit")}
        )
    return header, rows


def encode(content: dict[str, Any]) -> str:
    """Return one line of strict JSON, numbers that are not finite written as strings."""
    return json.dumps(_strict(content), allow_nan=False, ensure_ascii=False)


def check_header(header: Any) -> None:
    """Check a decoded header.

    Raises:
        ValueError: When it does not follow the schema, naming the member.
    """
    given = header.keys() if isinstance(header, dict) else ()
    check_shape("header", header, _HEADER | {name: shape for name, shape in _MAY_BE_ABSENT.items() if name in given})
    cell = header["cell"]
    if header["schema"] != VERSION:
        raise ValueError(f"schema is {header['schema']}; this version reads {VERSION}")
    _check_choice("cell.profile", cell["profile"], PROFILES)
    _check_choice("cell.device", cell["device"], typing.get_args(DeviceClass))
    _check_choice("status", header["status"], STATUSES)
    if not re.fullmatch(r"[0-9a-f]{16}", cell["key"]):
        raise ValueError(f"cell.key is not 16 hexadecimal digits: {cell['key']!r}")
    if not re.fullmatch(r"[0-9a-f]{64}", header["code"]["digest"]):
        raise ValueError(f"code.digest is not 64 hexadecimal digits: {header['code']['digest']!r}")
    if datetime.fromisoformat(header["start"]).utcoffset() is None:
        raise ValueError(f"start has no time zone: {header['start']!r}")
    if (header["error"] is None) != (header["status"] == "finished"):
        raise ValueError(f"status is {header['status']!r} but error is {'' if header['error'] else 'not '}given")


def check_row(row: Any) -> None:
    """Check a decoded measurement.

    Raises:
        ValueError: When it does not follow the schema, naming the member.
    """
    check_shape("row", row, dict)
    for name in ("metric", "value", "unit"):
        if name not in row:
            raise ValueError(f"row lacks {name!r}")
    check_shape("metric", row["metric"], str)
    check_shape("unit", row["unit"], str)
    if row["value"] not in _NOT_FINITE:
        check_shape("value", row["value"], _NUMBER)
    for name in row.keys() - {"metric", "value", "unit"}:
        if name in NOT_AXES:
            raise ValueError(f"an axis cannot be called {name!r}")
        check_shape(name, row[name], (str, int, float))


def _checked(path: Path, number: int, line: str, check: Any) -> dict[str, Any]:
    try:
        content = json.loads(line, parse_constant=_refuse_constant)
        check(content)
    except ValueError as error:
        raise SchemaError(f"{path}, line {number}: {error}") from error
    return typing.cast(dict[str, Any], content)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not strict JSON; it is written as a string")


def check_shape(name: str, value: Any, shape: Any) -> None:
    """Check a decoded value against a shape: a type, an object of shapes, a list of one shape, or alternatives."""
    if isinstance(shape, tuple):
        if any(_fits(name, value, alternative) for alternative in shape):
            return
        raise ValueError(f"{name} is {value!r}, which has the wrong type")
    if isinstance(shape, dict):
        check_shape(name, value, dict)
        if value.keys() != shape.keys():
            different = ", ".join(sorted(value.keys() ^ shape.keys()))
            raise ValueError(f"{name} lacks or should not have: {different}")
        for member, inner in shape.items():
            check_shape(member if name == "header" else f"{name}.{member}", value[member], inner)
    elif isinstance(shape, list):
        check_shape(name, value, list)
        for position, entry in enumerate(value):
            check_shape(f"{name}[{position}]", entry, shape[0])
    elif shape is None:
        if value is not None:
            raise ValueError(f"{name} is {value!r}, not null")
    # In Python, a truth value is an integer; in a record it is not.
    elif not isinstance(value, shape) or (isinstance(value, bool) and shape is not bool):
        raise ValueError(f"{name} is {value!r}, not of type {shape.__name__}")


def _fits(name: str, value: Any, shape: Any) -> bool:
    try:
        check_shape(name, value, shape)
    except ValueError:
        return False
    return True


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} is {value!r}, not one of {', '.join(choices)}")


def _strict(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {str(name): _strict(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(entry) for entry in value]
    return value
