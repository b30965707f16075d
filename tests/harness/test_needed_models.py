"""A trained model is an artefact: trained once, as a cell of its own, and read by the cells that need it."""

from __future__ import annotations

from pathlib import Path

from suite.harness.runner import run_cell
from suite.harness.schema import parse
from tests.harness.tiny_cells import MakeCell, RunTiny


def weight(rows: list[dict[str, object]]) -> object:
    return next(row["value"] for row in rows if row["metric"] == "weight")


def test_a_needed_model_is_trained_as_a_cell_of_its_own(run_tiny: RunTiny, tmp_path: Path) -> None:
    header, rows = run_tiny("tiny/using", "declared")
    assert header["status"] == "finished"
    (record,) = (tmp_path / "records" / "tiny" / "training").glob("line-*.jsonl")
    assert weight(parse(record)[1]) == weight(rows)
    assert [row["value"] for row in rows if row["metric"] == "training"] == [0]


def test_its_cost_is_charged_once(run_tiny: RunTiny, tmp_path: Path) -> None:
    run_tiny("tiny/using", "declared")
    (record,) = (tmp_path / "records" / "tiny" / "training").glob("line-*.jsonl")
    before = record.read_bytes()
    run_tiny("tiny/using", "declared")
    assert record.read_bytes() == before


def test_whether_it_was_trained_before_moves_no_number(run_tiny: RunTiny) -> None:
    _, trained_now = run_tiny("tiny/using", "declared")
    _, trained_before = run_tiny("tiny/using", "declared")
    assert trained_now == trained_before


def test_another_seed_is_another_model(run_tiny: RunTiny) -> None:
    _, rows = run_tiny("tiny/using", "declared")
    _, others = run_tiny("tiny/using", "other-seed")
    assert weight(others) != weight(rows)
    assert weight(others) == weight(run_tiny("tiny/training", "line", 7)[1])


def test_an_undeclared_need_is_named(run_tiny: RunTiny) -> None:
    header, _ = run_tiny("tiny/using", "undeclared")
    assert header["status"] == "failed"
    assert "tiny/using asks for the model 'line' of tiny/training" in header["error"]["message"]


def test_a_need_that_keeps_nothing_is_named(run_tiny: RunTiny) -> None:
    header, _ = run_tiny("tiny/using", "of-forgetful")
    assert "tiny/training forgets seed 0 (smoke, cpu) finished without keeping" in header["error"]["message"]


def test_a_need_that_failed_is_named_with_its_reason(run_tiny: RunTiny) -> None:
    header, _ = run_tiny("tiny/using", "of-failed")
    assert (
        "tiny/training fails seed 0 (smoke, cpu) was not trained: RuntimeError: no luck" in header["error"]["message"]
    )


def test_a_lost_model_is_trained_anew(
    run_tiny: RunTiny, make_cell: MakeCell, packages: tuple[str, ...], tmp_path: Path
) -> None:
    _, rows = run_tiny("tiny/using", "declared")
    (stored,) = (tmp_path / "records" / "models").glob("*.safetensors")
    stored.unlink()
    record = run_cell(make_cell("tiny/using", "declared"), tmp_path / "records", packages=packages)
    assert parse(record)[1] == rows
    assert stored.is_file()


def test_a_model_from_another_machine_needs_no_record_here(run_tiny: RunTiny, tmp_path: Path) -> None:
    _, rows = run_tiny("tiny/using", "declared")
    (record,) = (tmp_path / "records" / "tiny" / "training").glob("line-*.jsonl")
    record.unlink()
    assert run_tiny("tiny/using", "declared")[1] == rows
    assert not record.exists()


def test_a_damaged_model_fails_the_cell_by_name(run_tiny: RunTiny, tmp_path: Path) -> None:
    run_tiny("tiny/using", "declared")
    (stored,) = (tmp_path / "records" / "models").glob("*.safetensors")
    stored.write_bytes(stored.read_bytes()[:-1])
    header, _ = run_tiny("tiny/using", "declared")
    assert header["error"]["type"] == "DamagedModelError"
    assert stored.name in header["error"]["message"]
