"""Records of the same cells by two versions of the code: what has to be the same, and what may differ."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from suite.declarations import Cell, Experiment, Meter, Varying
from suite.harness.record_file import write_record
from suite.harness.replay_comparison import Comparison, compare

Header = dict[str, Any]
Rows = list[dict[str, Any]]
OLD, NEW = "a" * 64, "b" * 64


class Paced(Experiment):
    """An experiment of which everything may vary that can."""

    id = "tiny/paced"
    title = "Paced"
    variants = ("steady", "as-long")
    profiles: ClassVar = {}
    headline = "loss"
    paper_cost = "nothing"
    varying = Varying(metrics=("ratio",), axes=("seconds",), levels=(("cost", "seconds"),), variants=("as-long",))

    def run(self, cell: Cell, meter: Meter) -> None:
        raise NotImplementedError


COMPARED: Rows = [
    {"metric": "loss", "value": 0.1 + 0.2, "unit": "nats", "epoch": 1},
    {"metric": "loss", "value": 0.0, "unit": "nats", "epoch": 2},
    {"metric": "spread", "value": math.nan, "unit": "1"},
    {"metric": "front", "value": 1.0, "unit": "1", "cost": "macs"},
    {"metric": "curve", "value": 2.0, "unit": "1", "seconds": 0.25},
]
APART: Rows = [
    {"metric": "step", "value": 1.5, "unit": "s"},
    {"metric": "ratio", "value": 1.1, "unit": "1"},
    {"metric": "front", "value": 1.0, "unit": "1", "cost": "seconds"},
]


class Bench:
    """Two folders of records of one experiment, the same but for code, start and what varies."""

    def __init__(self, folder: Path, header: Mapping[str, Any]) -> None:
        self.folder = folder
        self.cells = {
            side: {
                variant: (self._header(header, variant, code), copy.deepcopy([*COMPARED, *APART]))
                for variant in Paced.variants
            }
            for side, code in (("old", OLD), ("new", NEW))
        }
        for variant in Paced.variants:
            rows = self.cells["new"][variant][1]
            rows[4]["seconds"], rows[5]["value"], rows[6]["value"] = 0.5, 1.25, 1.2
            del rows[7]
        self.cells["new"]["as-long"][1][0]["value"] = 17.0

    def _header(self, header: Mapping[str, Any], variant: str, code: str) -> Header:
        made: Header = copy.deepcopy(dict(header))
        made["cell"] |= {"experiment": Paced.id, "variant": variant, "key": f"{Paced.variants.index(variant):016x}"}
        made["code"] = {"digest": code, "commit": code[:40], "dirty": False}
        made["start"] = f"2026-01-0{1 if code == OLD else 2}T00:00:00+00:00"
        return made

    def compare(self) -> Comparison:
        for side, cells in self.cells.items():
            for name, (header, rows) in cells.items():
                write_record(self.folder / side / "tiny" / "paced" / f"{name}.jsonl", header, rows)
        (found,) = compare(self.folder / "old", self.folder / "new", {Paced.id: Paced()})
        return found


@pytest.fixture
def bench(tmp_path: Path, header: Mapping[str, Any]) -> Bench:
    return Bench(tmp_path, header)


def test_the_same_numbers_make_a_replay_that_says_what_was_compared(bench: Bench) -> None:
    found = bench.compare()
    assert found.is_equivalent
    assert (found.cells, found.rows) == (1, len(COMPARED))
    replay = found.replay
    assert replay is not None
    assert (replay.experiment, replay.profile, replay.device, replay.codes) == (Paced.id, "smoke", "cpu", (OLD, NEW))
    # Five rows of the variant that goes by times, and of both variants one row of each other kind.
    assert replay.left_out == {"as-long": 7, "front [1]": 1, "ratio [1]": 1, "s": 2}
    assert (replay.torch, replay.threads, replay.date) == ("2.13.0", 1, "2026-01-02")
    assert replay.old["commit"] == OLD[:40]


def steady(bench: Bench) -> tuple[Header, Rows]:
    return bench.cells["new"]["steady"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda rows: rows[0].update(value=math.nextafter(rows[0]["value"], 1)),
            "epoch = 1: 0.30000000000000004 in OLD",
        ),
        (lambda rows: rows[1].update(value=-0.0), "loss [nats], epoch = 2: 0.0 in OLD and -0.0 in NEW"),
        (lambda rows: rows[2].update(value=1.0), "spread [1]: nan in OLD and 1.0 in NEW"),
        (lambda rows: rows[4].update(value=2.5), "curve [1]: 2.0 in OLD and 2.5 in NEW"),
        (lambda rows: rows.pop(3), "front [1], cost = macs: 1.0 in OLD and absent in NEW"),
        (lambda rows: rows.append({"metric": "more", "value": 1.0, "unit": "1"}), "more [1]: absent in OLD and 1.0"),
        (lambda rows: rows[0].update(unit="bits"), "loss [bits], epoch = 1: absent in OLD"),
        (lambda rows: rows[0].update(epoch=3), "loss [nats], epoch = 3: absent in OLD"),
    ],
)
def test_a_row_that_differs_is_named(bench: Bench, change: Callable[[Rows], object], words: str) -> None:
    change(steady(bench)[1])
    found = bench.compare()
    assert not found.is_equivalent
    assert found.replay is None
    assert any(words in difference for difference in found.differences), found.differences


def failed(header: Header) -> None:
    header["status"] = "failed"
    header["error"] = {"type": "RuntimeError", "message": "no luck", "traceback": ""}


def test_a_cell_that_ends_otherwise_is_named(bench: Bench) -> None:
    failed(steady(bench)[0])
    assert bench.compare().differences == ["steady seed 0 finished in OLD and failed with RuntimeError in NEW"]
    failed(bench.cells["old"]["steady"][0])
    assert bench.compare().is_equivalent


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda header: header["environment"].update(torch="2.11.0"),
            "torch is 2.13.0 in OLD and 2.11.0 and",
        ),
        (lambda header: header["environment"].update(threads=2), "threads is 1 in OLD and 1 and 2 in NEW"),
        (lambda header: header["environment"].update(cpu="another"), "cpu is a processor in OLD"),
        (
            lambda header: header["cell"].update(key="f" * 16),
            "NEW lacks 1 cell of OLD with the same key: steady",
        ),
        (lambda header: header["cell"].update(variant="as-long"), "NEW has no record of steady"),
        (
            lambda header: header["code"].update(digest="c" * 64),
            "NEW holds records of 2 versions of its code (",
        ),
        (lambda header: header["cell"].update(profile="quick"), "NEW has no record of steady"),
    ],
)
def test_records_that_say_nothing_of_the_code_are_not_compared(
    bench: Bench, change: Callable[[Header], object], words: str
) -> None:
    change(steady(bench)[0])
    found = bench.compare()
    assert not found.is_equivalent
    assert any(words in reason for reason in found.reasons), found.reasons


def test_an_experiment_in_one_folder_alone_or_not_registered_is_not_compared(bench: Bench) -> None:
    bench.cells["new"] = {}
    assert bench.compare().reasons == ["NEW has no record of it"]
    (found,) = compare(bench.folder / "old", bench.folder / "old", {})
    assert found.reasons == ["no such experiment is registered"]


def test_the_same_code_needs_no_replay(bench: Bench) -> None:
    for header, _ in bench.cells["new"].values():
        header["code"]["digest"] = OLD
    found = bench.compare()
    assert found.is_equivalent
    assert found.replay is None


def test_times_alone_show_nothing(bench: Bench) -> None:
    for cells in bench.cells.values():
        for _, rows in cells.values():
            del rows[:5]
    assert bench.compare().reasons == ["no row could be compared"]
