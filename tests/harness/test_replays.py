"""Files of replays, and which versions of the code they make the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from suite.harness.errors import SchemaError
from suite.harness.record_file import REPLAYS, record_files, write_record
from suite.harness.records import load
from suite.harness.replays import Replay, Replays, add_replays, read_replays

A, B, C, D = (letter * 64 for letter in "abcd")


def replay(old: str, new: str, **changes: Any) -> Replay:
    codes = [{"digest": digest, "commit": digest[:40], "dirty": False} for digest in (old, new)]
    made = Replay(
        "tiny/outcomes", "cpu", "quick", codes[0], codes[1], 2, 30, {"s": 4}, "2.13.0", "a processor", "a processor", 1,
        "2026-01-02",
    )  # fmt: skip
    return replace(made, **changes)


def test_replays_join_into_chains_in_both_directions() -> None:
    first, second = replay(A, B), replay(B, C)
    known = Replays([first, second, replay(D, "e" * 64)])
    assert known.same("tiny/outcomes", "cpu", A) == known.same("tiny/outcomes", "cpu", C) == {A, B, C}
    assert known.chain("tiny/outcomes", "cpu", A, C) == (first, second)
    assert known.chain("tiny/outcomes", "cpu", C, B) == (second,)
    assert known.chain("tiny/outcomes", "cpu", A, A) == ()
    assert known.chain("tiny/outcomes", "cpu", A, D) is None


def test_the_shortest_chain_is_told() -> None:
    direct = replay(A, C)
    known = Replays([replay(A, B), replay(B, C), direct])
    assert known.chain("tiny/outcomes", "cpu", A, C) == (direct,)


def test_a_replay_says_nothing_of_another_experiment_or_class_of_device() -> None:
    known = Replays([replay(A, B)])
    assert known.same("tiny/outcomes", "cuda", A) == {A}
    assert known.same("tiny/deaths", "cpu", A) == {A}


def test_lines_are_added_once_and_those_that_were_there_stay(tmp_path: Path) -> None:
    path = tmp_path / "here" / REPLAYS
    assert add_replays(path, [replay(A, B), replay(A, B)]) == 1
    before = path.read_bytes()
    assert add_replays(path, [replay(A, B, date="2026-02-03")]) == 0
    assert path.read_bytes() == before
    assert add_replays(path, [replay(B, C), replay(A, B, torch="2.11.0")]) == 2
    assert path.read_bytes().startswith(before)
    assert list(read_replays(path)) == [replay(A, B), replay(B, C), replay(A, B, torch="2.11.0")]
    assert Replays.below(tmp_path, tmp_path / "absent").same("tiny/outcomes", "cpu", A) == {A, B, C}
    assert [each.name for each in path.parent.iterdir()] == [REPLAYS]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"rows": 30', '"rows": "30"', "replay.rows is '30'"),
        ('"schema": 1', '"schema": 2', "schema 1"),
        (', "threads": 1', "", "lacks or should not have: threads"),
        ("{", "", "line 1"),
    ],
)
def test_a_damaged_line_is_named_and_the_file_kept(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / REPLAYS
    add_replays(path, [replay(A, B)])
    path.write_text(path.read_text().replace(old, new, 1))
    before = path.read_bytes()
    with pytest.raises(SchemaError, match=message):
        list(read_replays(path))
    with pytest.raises(SchemaError, match=r"replays\.jsonl, line 1"):
        add_replays(path, [replay(B, C)])
    with pytest.raises(SchemaError, match=r"replays\.jsonl, line 1"):
        load(tmp_path)
    assert path.read_bytes() == before


def test_records_of_code_that_was_replayed_have_one_code_in_the_table(
    tmp_path: Path, header: Mapping[str, Any]
) -> None:
    for code in (A, B, D):
        code_of = {"digest": code, "commit": None, "dirty": None}
        write_record(tmp_path / "here" / "tiny" / "outcomes" / f"{code[:8]}.jsonl", {**header, "code": code_of}, [])
    assert load(tmp_path).cells["same_code"].tolist() == [A, B, D]
    add_replays(tmp_path / "here" / REPLAYS, [replay(B, A)])
    assert [path.name[:1] for path in record_files(tmp_path)] == ["a", "b", "d"]
    records = load(tmp_path)
    assert records.cells["code"].tolist() == [A, B, D]
    assert records.cells["same_code"].tolist() == [A, A, D]
    assert records.replays.same("tiny/outcomes", "cpu", A) == {A, B}
