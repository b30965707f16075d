"""``python -m reference verdicts`` on record files as the harness writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reference.__main__ import main
from suite.harness.record_file import write_record
from suite.harness.registry import experiments


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """One quick record of Table 1's ODE-Net on stand-in data."""
    header: dict[str, Any] = {
        "schema": 1,
        "cell": {
            "key": "0" * 16,
            "experiment": "chen2018/table1",
            "variant": "ode-net",
            "seed": 0,
            "profile": "quick",
            "device": "cpu",
            "revision": 1,
            "settings": json.loads(json.dumps(experiments()["chen2018/table1"].profiles["quick"].values())),
            "data": [{"name": "digits", "digest": "0" * 64, "stand_in_for": "mnist"}],
        },
        "code": {"digest": "a" * 64, "commit": "c0ffee", "dirty": False},
        "environment": {
            "python": "3.12.0",
            "torch": "2.13.0",
            "cuda": None,
            "driver": None,
            "device_name": "EPYC",
            "cpu": "EPYC",
            "threads": 1,
            "platform": "Linux",
            "dependencies": "constraints.txt sha256:0",
            "tf32": False,
        },
        "start": "2026-01-01T00:00:00+00:00",
        "seconds": 1.0,
        "status": "finished",
        "error": None,
    }
    rows: list[dict[str, Any]] = [
        {"metric": "test_error_last", "value": 1.25, "unit": "%"},
        {"metric": "test_size", "value": 360, "unit": "images"},
        {"metric": "parameters_published", "value": 208_266, "unit": "1"},
        {"metric": "peak_memory", "value": float("nan"), "unit": "B"},
        *(
            {"metric": "saved_bytes", "value": 5e6, "unit": "B", "depth": depth, "tolerance": 10.0**-depth}
            for depth in (14, 20, 38)
        ),
    ]
    write_record(tmp_path / "chen2018" / "table1" / "ode-net.jsonl", header, rows)
    return tmp_path


def test_json_is_strict_and_has_the_known_verdicts(records: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verdicts", "--json", "--records", str(records)]) == 0
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    by_claim = {verdict["claim"].removeprefix("chen2018/table1/"): verdict for verdict in found}
    error, count, memory = (by_claim[f"ode-net-{name}"] for name in ("error", "parameters", "memory"))
    assert error["status"] == "not tested"
    assert error["reason"].startswith("stand-in data: digits for mnist; needs profile paper, measured at quick")
    assert error["measured"] == pytest.approx(1.25)
    assert (count["status"], count["measured"], count["low"]) == ("partly", 208_266, None)
    assert memory["status"] == "reproduced"
    assert by_claim["resnet-error"]["reason"] == "no records of chen2018/table1"


def test_table_marks_what_was_not_judged(
    records: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")  # so that no cell of the table is wrapped
    assert main(["verdicts", "--records", str(records)]) == 0
    shown = capsys.readouterr().out
    assert "(1.25 % [" in shown  # one seed, whose test set of 360 images is a sample
    assert "on digits for mnist)" in shown
    assert "208,266, n = 1" in shown
    assert "1 reproduced, 1 partly" in shown


def test_without_records_everything_is_listed_as_not_tested(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["verdicts", "--json"]) == 0
    assert {verdict["status"] for verdict in json.loads(capsys.readouterr().out)} == {"not tested"}


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["verdicts", "--records", str(tmp_path / "none")])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_damaged_record_is_named_in_one_sentence(records: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damaged = records / "chen2018" / "table1" / "cut.jsonl"
    damaged.write_text('{"schema": 1')
    assert main(["verdicts", "--records", str(records)]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert str(damaged) in message
