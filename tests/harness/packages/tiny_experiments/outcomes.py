"""Every way in which a cell can end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch

from suite.declarations import Cell, Experiment, Meter, Profile, Settings, setting


@dataclass(frozen=True)
class OutcomeSettings(Settings):
    """Sizes."""

    steps: int = setting(3, ours="enough to see progress")
    rates: tuple[float, ...] = setting((0.5, 0.25), ours="a tuple, which a record holds as a list")


class Outcomes(Experiment):
    """A cell that finishes, one that raises, and one whose state is not finite."""

    id = "tiny/outcomes"
    title = "Ways to end"
    variants = ("finishes", "raises", "diverges")
    profiles: ClassVar[Mapping[Profile, Settings]] = {"smoke": OutcomeSettings(), "quick": OutcomeSettings(steps=5)}
    seeds: ClassVar[Mapping[Profile, int]] = {"smoke": 1, "quick": 2}
    headline = "count"
    paper_cost = "nothing"

    def run(self, cell: Cell, meter: Meter) -> None:
        """Record a count for every step, then end as the variant says."""
        settings = OutcomeSettings.of(cell.settings)
        for step in range(settings.steps):
            meter.record("count", step, "1", step=step)
            meter.progress(step + 1, settings.steps, "steps", count=float(step))
        if cell.variant == "raises":
            raise RuntimeError("as asked")
        if cell.variant == "diverges":
            raise FloatingPointError("the state at t = 0.5 is not finite")


class Deaths(Experiment):
    """Cells whose process ends in the middle."""

    id = "tiny/deaths"
    title = "Ways to die"
    variants = ("exits", "is-killed", "lives", "lives-too")
    profiles: ClassVar[Mapping[Profile, Settings]] = {"smoke": OutcomeSettings()}
    headline = "count"
    paper_cost = "nothing"

    def run(self, cell: Cell, meter: Meter) -> None:
        """End the process, unless the variant lives."""
        meter.record("count", 1, "1")
        if cell.variant == "exits":
            os._exit(3)
        if cell.variant == "is-killed":
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class SlowSettings(Settings):
    """How long, and where to write down each run."""

    seconds: float = setting(0.25, ours="long enough to be interrupted")
    ledger: str = setting("", ours="given by the test")


class Slow(Experiment):
    """Cells that take a while, and write each start of theirs into a ledger."""

    id = "tiny/slow"
    title = "Waiting"
    variants = ("a", "b", "c", "d", "e", "f")
    profiles: ClassVar[Mapping[Profile, Settings]] = {"smoke": SlowSettings()}
    headline = "waited"
    paper_cost = "nothing"

    def run(self, cell: Cell, meter: Meter) -> None:
        """Write a line and wait."""
        settings = SlowSettings.of(cell.settings)
        with Path(settings.ledger).open("a") as ledger:
            ledger.write(f"{cell.variant}\n")
        time.sleep(settings.seconds)
        meter.record("waited", settings.seconds, "s")


@dataclass(frozen=True)
class SharingSettings(Settings):
    """Where to write down who ran when."""

    ledger: str = setting("", ours="given by the test")


class Sharing(Experiment):
    """Cells on one device: some fit beside each other, one needs all of the memory, and one measures its time."""

    id = "tiny/sharing"
    title = "Sharing a device"
    variants = ("fits", "too-large", "much-too-large", "measures", "fits-too")
    profiles: ClassVar[Mapping[Profile, Settings]] = {"smoke": SharingSettings()}
    headline = "run"
    alone = ("measures",)
    paper_cost = "nothing"

    def run(self, cell: Cell, meter: Meter) -> None:
        """Write down begin and end, and be out of memory in between where the variant says so."""
        settings = SharingSettings.of(cell.settings)
        ledger = Path(settings.ledger)
        begun = time.monotonic()
        lines = ledger.read_text().splitlines() if ledger.exists() else []
        ran_before = any(line.startswith(f"{cell.variant} ") for line in lines)
        time.sleep(0.2)
        with ledger.open("a") as file:
            file.write(f"{cell.variant} {begun} {time.monotonic()}\n")
        if cell.variant == "much-too-large" or (cell.variant == "too-large" and not ran_before):
            raise torch.OutOfMemoryError(
                "CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 8.00 GiB of which "
                "4.00 MiB is free."
            )
        meter.record("run", 1 + ran_before, "1")
