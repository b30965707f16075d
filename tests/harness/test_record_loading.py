"""Records as tidy tables."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from suite.harness.errors import SchemaError
from suite.harness.record_file import write_record
from suite.harness.records import CELL_COLUMNS, ROW_COLUMNS, load


def test_cells_and_rows_carry_their_columns_and_axes(tmp_path: Path, header: Mapping[str, Any]) -> None:
    rows: list[dict[str, Any]] = [
        {"metric": "test_error", "value": 0.5, "unit": "%", "epoch": 1},
        {"metric": "step_seconds", "value": math.inf, "unit": "s", "depth": 3},
    ]
    write_record(tmp_path / "tiny" / "outcomes" / "r.jsonl", dict(header), rows)
    records = load(tmp_path)
    assert list(records.cells.columns) == list(CELL_COLUMNS)
    assert list(records.rows.columns) == [*ROW_COLUMNS, "epoch", "depth"]
    cell = records.cells.iloc[0]
    assert (cell["experiment"], cell["stand_in_for"], cell["error"]) == ("tiny/outcomes", "mnist", "")
    assert (cell["machine"], cell["data"]) == ("", "digits abababababab")
    assert records.rows["value"].tolist() == [0.5, math.inf]
    assert records.rows["epoch"].isna().tolist() == [False, True]
    assert records.rows["key"].tolist() == [header["cell"]["key"]] * 2


def test_a_failure_is_a_row(tmp_path: Path, header: Mapping[str, Any]) -> None:
    error = {"type": "RuntimeError", "message": "as asked", "traceback": ""}
    write_record(tmp_path / "r.jsonl", dict(header) | {"status": "failed", "error": error}, [])
    cells = load(tmp_path).cells
    assert cells[["status", "error"]].values.tolist() == [["failed", "RuntimeError: as asked"]]


def test_committed_records_name_their_machine(tmp_path: Path, header: Mapping[str, Any]) -> None:
    committed = tmp_path / "reports" / "records"
    write_record(committed / "a-machine" / "tiny" / "outcomes" / "r.jsonl", dict(header), [])
    write_record(tmp_path / "records" / "tiny" / "outcomes" / "r.jsonl", dict(header), [])
    both = load(committed, tmp_path / "records").cells
    assert both["machine"].tolist() == ["a-machine", ""]
    assert load(committed / "a-machine").cells["machine"].tolist() == ["a-machine"]


def test_a_folder_given_twice_is_read_once(tmp_path: Path, header: Mapping[str, Any]) -> None:
    write_record(tmp_path / "tiny" / "r.jsonl", dict(header), [])
    assert len(load(tmp_path, tmp_path / "tiny").cells) == 1


def test_no_records_are_empty_tables(tmp_path: Path) -> None:
    records = load(tmp_path, tmp_path / "absent")
    assert list(records.cells.columns) == list(CELL_COLUMNS)
    assert records.rows.empty


def test_a_damaged_record_is_named_and_a_temporary_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / ".half.tmp").write_text("{")
    (tmp_path / ".half.jsonl").write_text("{")
    load(tmp_path)
    (tmp_path / "whole.jsonl").write_text("{")
    with pytest.raises(SchemaError, match=r"whole\.jsonl"):
        load(tmp_path)
