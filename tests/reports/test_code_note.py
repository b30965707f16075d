"""What a page says of the code behind its records."""

from __future__ import annotations

import pandas as pd

from reports.code_note import code_note
from suite.harness.replays import Replay, Replays

OLD, MIDDLE, PRESENT = "a" * 64, "b" * 64, "c" * 64


def cells(*codes: str) -> pd.DataFrame:
    commits = ["0123456789abcdef" if code == OLD else "fedcba9876543210" for code in codes]
    return pd.DataFrame({"experiment": "tiny/outcomes", "device": "cpu", "code": codes, "commit": commits})


def replay(old: str, new: str, date: str, left_out: dict[str, int]) -> Replay:
    before, after = ({"digest": digest, "commit": None, "dirty": None} for digest in (old, new))
    return Replay("tiny/outcomes", "cpu", "quick", before, after, 6, 12345, left_out, "2.13.0", "a", "an EPYC", 1, date)


FIRST = replay(OLD, MIDDLE, "2026-01-02", {"s": 116, "nf-equal-time": 235})
SECOND = replay(MIDDLE, PRESENT, "2026-02-03", {})


def test_records_of_the_present_code_need_no_note() -> None:
    assert code_note(cells(PRESENT, PRESENT), PRESENT, Replays([FIRST, SECOND])) == ""


def test_code_that_changed_without_a_replay_is_said_to_have_changed() -> None:
    words = "Measured at commit 0123456789. The code behind these numbers has changed since, and no replay compares"
    words = f"{words} the two."
    assert code_note(cells(OLD), PRESENT, Replays()) == words
    assert code_note(cells(OLD, PRESENT), PRESENT, Replays([FIRST])) == words


def test_a_replay_is_told_with_its_size_day_and_what_it_leaves_out() -> None:
    assert code_note(cells(OLD), MIDDLE, Replays([FIRST])) == (
        "Measured at commit 0123456789. The code has changed since without changing a number: 6 cells at profile quick "
        "gave the same 12\N{NARROW NO-BREAK SPACE}345 rows bit for bit on 2026-01-02 (an EPYC, torch 2.13.0), rows "
        "that vary from run to run aside (116 in s, 235 of nf-equal-time). Times, and what else was not compared, are "
        "of the older code."
    )


def test_every_replay_on_the_way_is_told_once() -> None:
    words = code_note(cells(OLD, MIDDLE), PRESENT, Replays([FIRST, SECOND]))
    assert words.startswith("Measured at commits 0123456789 and fedcba9876.")
    assert words.count("2026-01-02") == words.count("2026-02-03") == 1
