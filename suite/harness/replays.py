"""Replays that are kept: each says that two versions of an experiment's code give the same numbers.

They lie in files called ``replays.jsonl``, beside the records of the machine that ran both versions. Each line is an
object of exactly these members:

* ``schema``: the integer 1.
* ``experiment``, ``device`` (its class, ``cpu`` or ``cuda``) and ``profile``: what was run with both.
* ``old`` and ``new``: the two versions, each with ``digest``, ``commit`` and ``dirty`` as in a record's ``code``.
* ``cells`` and ``rows``: how many were compared, and equal bit for bit.
* ``left_out``: an object that counts the rows that were not compared, by unit (times), ``metric [unit]`` or ``variant``
  (what the experiment declares as varying).
* ``torch``, ``cpu``, ``device_name`` and ``threads``, the same for both, as in a record's ``environment``.
* ``date``: the day of the later run, in UTC.
"""

from __future__ import annotations

import dataclasses
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suite.harness import schema
from suite.harness.atomic import write_atomically
from suite.harness.errors import SchemaError
from suite.harness.record_file import REPLAYS

VERSION = 1

_CODE = {"digest": str, "commit": (str, None), "dirty": (bool, None)}
_SHAPE: dict[str, Any] = {
    "schema": int,
    "experiment": str,
    "device": str,
    "profile": str,
    "old": _CODE,
    "new": _CODE,
    "cells": int,
    "rows": int,
    "left_out": dict,
    "torch": str,
    "cpu": str,
    "device_name": str,
    "threads": int,
    "date": str,
}


@dataclass(frozen=True)
class Replay:
    """One line of a file of replays, with its members."""

    experiment: str
    device: str
    profile: str
    old: Mapping[str, Any]
    new: Mapping[str, Any]
    cells: int
    rows: int
    left_out: Mapping[str, int]
    torch: str
    cpu: str
    device_name: str
    threads: int
    date: str

    @property
    def codes(self) -> tuple[str, str]:
        """The two digests."""
        return self.old["digest"], self.new["digest"]

    def repeats(self, other: Replay) -> bool:
        """Return whether it says what another says, of a run at another time."""
        return dataclasses.replace(self, old=other.old, new=other.new, date=other.date) == other and (
            self.codes == other.codes
        )


class Replays:
    """Some replays, and which versions of an experiment's code are the same by them, directly or by way of others."""

    def __init__(self, lines: Iterable[Replay] = ()) -> None:
        self._by_place: dict[tuple[str, str], list[Replay]] = defaultdict(list)
        for line in lines:
            self._by_place[line.experiment, line.device].append(line)

    @classmethod
    def below(cls, *directories: Path) -> Replays:
        """Return the replays of every file of them below some directories; those that do not exist hold none.

        Raises:
            SchemaError: When a line of one is not a replay.
        """
        paths = {path.resolve() for directory in directories for path in Path(directory).rglob(REPLAYS)}
        return cls(replay for path in sorted(paths) for replay in read_replays(path))

    def same(self, experiment: str, device: str, code: str) -> frozenset[str]:
        """Return the digests of all code that gives the numbers of ``code``, itself among them."""
        return frozenset(self._chains(experiment, device, code))

    def chain(self, experiment: str, device: str, code: str, other: str) -> Sequence[Replay] | None:
        """Return the fewest replays that lead from one version of the code to another, or None when none do."""
        return self._chains(experiment, device, code).get(other)

    def _chains(self, experiment: str, device: str, code: str) -> dict[str, tuple[Replay, ...]]:
        lines = self._by_place.get((experiment, device), [])
        chains: dict[str, tuple[Replay, ...]] = {code: ()}
        waiting = [code]
        for here in waiting:
            for line in lines:
                for start, end in (line.codes, line.codes[::-1]):
                    if start == here and end not in chains:
                        chains[end] = (*chains[here], line)
                        waiting.append(end)
        return chains


def read_replays(path: Path) -> Iterator[Replay]:
    """Yield the replays of a file; one that does not exist holds none.

    Raises:
        SchemaError: When a line is not a replay, naming the file, the line and the member.
    """
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    for number, line in enumerate(lines, start=1):
        try:
            content = json.loads(line)
            schema.check_shape("replay", content, _SHAPE)
            if content.pop("schema") != VERSION:
                raise ValueError(f"this version reads replays of schema {VERSION}")
        except ValueError as error:
            raise SchemaError(f"{path}, line {number}: {error}") from error
        yield Replay(**content)


def add_replays(path: Path, replays: Iterable[Replay]) -> int:
    """Add replays to a file of them, atomically, those that it has not yet; return how many these are.

    Raises:
        SchemaError: When the file holds something else.
    """
    known = list(read_replays(path))
    added: list[Replay] = []
    for replay in replays:
        if not any(replay.repeats(other) for other in (*known, *added)):
            added.append(replay)
    if added:
        lines = (schema.encode({"schema": VERSION, **dataclasses.asdict(each)}) for each in added)
        before = path.read_bytes() if known else b""
        separator = b"" if before.endswith(b"\n") or not before else b"\n"
        write_atomically(path, before + separator + "".join(f"{line}\n" for line in lines).encode())
    return len(added)
