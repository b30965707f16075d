"""The validator accepts what the harness writes and refuses anything else, naming it."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from suite.harness.errors import SchemaError
from suite.harness.record_file import write_record
from suite.harness.schema import parse, validate
from tests.harness.tiny_cells import RunTiny

ROW = {"metric": "test_error", "value": 0.42, "unit": "%", "epoch": 3, "tolerance": 1e-3, "part": "last"}


def write(path: Path, header: Mapping[str, Any], *rows: Mapping[str, Any]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in (header, *rows)))
    return path


def changed(header: Mapping[str, Any], place: str, value: Any) -> dict[str, Any]:
    other = copy.deepcopy(dict(header))
    *folders, name = place.split(".")
    inner: Any = other
    for folder in folders:
        inner = inner[folder]
    inner[name] = value
    return other


def test_a_valid_record_is_read_back(tmp_path: Path, header: Mapping[str, Any]) -> None:
    assert parse(write(tmp_path / "r.jsonl", header, ROW)) == (header, [ROW])


def test_what_the_harness_writes_is_valid(run_tiny: RunTiny, tmp_path: Path) -> None:
    for variant in ("finishes", "raises", "diverges"):
        run_tiny("tiny/outcomes", variant)
    paths = list((tmp_path / "records").rglob("*.jsonl"))
    assert len(paths) == 3
    for path in paths:
        validate(path)


def test_numbers_that_are_not_finite_survive_as_strict_json(tmp_path: Path, header: Mapping[str, Any]) -> None:
    path = tmp_path / "r.jsonl"
    values = [math.nan, math.inf, -math.inf]
    write_record(path, dict(header), [ROW | {"value": value, "tolerance": value} for value in values])
    lines = path.read_text().splitlines()[1:]
    assert [json.loads(line)["value"] for line in lines] == ["NaN", "Infinity", "-Infinity"]
    _, rows = parse(path)
    assert math.isnan(rows[0]["value"])
    assert [row["tolerance"] for row in rows[1:]] == [math.inf, -math.inf]


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("schema", 2, "schema is 2"),
        ("schema", True, "schema is True"),
        ("cell.key", "0123", "cell.key"),
        ("cell.seed", "0", "cell.seed"),
        ("cell.profile", "huge", "cell.profile is 'huge', not one of smoke"),
        ("cell.device", "tpu", "cell.device"),
        ("cell.data", [{"name": "digits"}], r"cell.data\[0\]"),
        ("cell.colour", "red", "colour"),
        ("code.digest", "ab", "code.digest"),
        ("code.dirty", "no", "code.dirty"),
        ("environment.threads", 1.5, "environment.threads"),
        ("start", "2025-01-02T03:04:05", "time zone"),
        ("start", "yesterday", "isoformat"),
        ("seconds", "fast", "seconds"),
        ("status", "crashed", "status"),
        ("status", "failed", "error is not given"),
        ("error", {"type": "E", "message": "m", "traceback": ""}, "status is 'finished'"),
        ("surprise", 1, "surprise"),
    ],
)
def test_a_wrong_header_is_refused(
    tmp_path: Path, header: Mapping[str, Any], place: str, value: Any, message: str
) -> None:
    with pytest.raises(SchemaError, match=rf"r\.jsonl, line 1: .*{message}"):
        validate(write(tmp_path / "r.jsonl", changed(header, place, value)))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"metric": "a", "value": 1}, "lacks 'unit'"),
        ({"metric": "a", "value": "fast", "unit": "s"}, "value"),
        ({"metric": "a", "value": None, "unit": "s"}, "value"),
        ({"metric": "a", "value": True, "unit": "s"}, "value"),
        ({"metric": 1, "value": 1, "unit": "s"}, "metric"),
        ({"metric": "a", "value": 1, "unit": "s", "seed": 0}, "'seed'"),
        ({"metric": "a", "value": 1, "unit": "s", "epoch": [1]}, "epoch"),
        ([1, 2], "row"),
    ],
)
def test_a_wrong_row_is_refused(tmp_path: Path, header: Mapping[str, Any], row: Any, message: str) -> None:
    with pytest.raises(SchemaError, match=rf"r\.jsonl, line 2: .*{message}"):
        validate(write(tmp_path / "r.jsonl", header, row))


@pytest.mark.parametrize(
    "text", ["", '{"schema": 1', '{"schema": 1}', "[]\n", '{"schema": NaN}\n', "\n", "no JSON at all\n"]
)
def test_a_file_that_is_cut_off_or_not_strict_json_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(text)
    with pytest.raises(SchemaError, match=r"r\.jsonl"):
        validate(path)
