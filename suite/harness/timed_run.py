"""A run that ends when its time is up: the most wanted cells first, and what it expects to take and has taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from suite.declarations import Cell
from suite.harness.code_digest import cell_code
from suite.harness.deadline import Deadline
from suite.harness.estimates import Estimate, estimates
from suite.harness.executors.pool import run_in_pool
from suite.harness.grouping import Together
from suite.harness.interrupted import checkpoint_path, lost_seconds, reached
from suite.harness.observer import Ending, Observer, Step
from suite.harness.plan import needed_cells
from suite.harness.registry import experiments
from suite.harness.status import CellStatus, failed_cells
from suite.harness.wanted import most_wanted_first
from suite.harness.wording import counted


@dataclass(frozen=True)
class Place:
    """Where a run reads and writes.

    Attributes:
        records_dir: Folder of records and trained models.
        kept: Other folders whose records count.
        data_dir: Folder to look for data in first.
        packages: Packages to find experiments in.
    """

    records_dir: Path
    kept: Sequence[Path]
    data_dir: Path | None
    packages: Sequence[str]


@dataclass
class TimedRun:
    """One run of some pending cells for some time.

    Attributes:
        place: Where it reads and writes.
        seconds: How long it may take.
        jobs: How many cells run at a time.
        pending: The cells, in the order in which they run.
        together: When cells that differ by their seed alone run as one batched model.
        estimated: What each of them is expected to take, by its key.
    """

    place: Place
    seconds: float
    jobs: int
    pending: list[Cell]
    together: Together = "auto"
    estimated: dict[str, Estimate] = field(default_factory=dict)
    _endings: dict[str, Ending] = field(default_factory=dict)

    def __post_init__(self) -> None:
        place = self.place
        self.estimated = estimates(self.pending, (place.records_dir, *place.kept))
        self.pending = most_wanted_first(
            self.pending,
            self.seconds,
            self.estimated,
            failed_cells(self.pending, (place.records_dir, *place.kept), packages=place.packages),
            place.records_dir,
            experiments(place.packages),
            lambda cell: needed_cells(cell, data_dir=place.data_dir, packages=place.packages),
            alone_last=self.jobs > 1,
        )

    def run(self, deadline: Deadline, observer: Observer) -> None:
        """Run the cells until the deadline.

        They run in processes of their own, even one at a time: such a process can be ended wherever it is.
        """
        place = self.place
        counted = _Counted(observer, self._endings)
        run_in_pool(
            self.pending,
            place.records_dir,
            place.data_dir,
            counted,
            self.jobs,
            packages=place.packages,
            deadline=deadline,
            together=self.together,
        )

    def expectation(self) -> str:
        """Return in a sentence what is expected of the pending cells."""
        if not self.pending:
            return "Estimated: 0 s, as nothing is to run."
        known = [cell for cell in self.pending if self.estimated[cell.key].source != "unknown"]
        if not known:
            count = len(self.pending)
            return (
                f"Estimated: nothing is known of {counted(count, 'cell')} that {'is' if count == 1 else 'are'} to run."
            )
        sources: Counter[str] = Counter(self.estimated[cell.key].source for cell in known)
        told = {"record": "from earlier records", "table": "from paper_costs.toml, for one H200"}
        parts = [f"{sources[source]} {text}" for source, text in told.items() if sources[source]]
        unknown = len(self.pending) - len(known)
        fitting = self._fitting(known)
        return (
            f"Estimated: {duration(self._sum(known))} for {counted(len(known), 'cell')} ({', '.join(parts)})"
            f"{f', and nothing is known of {unknown} more' if unknown else ''}; {len(fitting)} of them, "
            f"{duration(self._sum(fitting))}, fit into {duration(self.seconds)}"
            f"{f' with {self.jobs} at a time' if self.jobs > 1 else ''}."
        )

    def outcome(self, took: float) -> str:
        """Return in a sentence what the run took, beside what was expected of the cells that have finished."""
        finished = self._finished()
        spent = sum(self._endings[cell.key].seconds for cell in finished)
        known = finished and all(self.estimated[cell.key].source != "unknown" for cell in finished)
        expected = f", estimated {duration(self._sum(finished))}" if known else ""
        return f"Took {duration(took)}: {counted(len(finished), 'cell')} finished in {duration(spent)}{expected}."

    def lines(self, unfinished: Sequence[CellStatus]) -> Iterator[str]:
        """Yield what has finished, what can go on from where, and what is missing.

        Args:
            unfinished: The status of each planned cell that is not current now and has not failed.
        """
        for cell in self._finished():
            estimate = self.estimated[cell.key]
            expected = "" if estimate.source == "unknown" else f", estimated {duration(estimate.seconds)}"
            yield f"Finished: {cell.name} in {duration(self._endings[cell.key].seconds)}{expected}"
        registered = experiments(self.place.packages)
        missing: Counter[str] = Counter()
        for cell in (status.cell for status in unfinished):
            code = cell_code(cell, registered)
            far = reached(checkpoint_path(self.place.records_dir, cell.key, code))
            lost = lost_seconds(self.place.records_dir, cell.key, code)
            if far is not None:
                yield f"Resumable: {cell.name} from step {far.step} of its loop {far.name!r}"
            elif lost:
                yield f"Missing: {cell.name}, which was ended after {duration(lost)} with nothing to go on from"
            else:
                missing[cell.experiment] += 1
        for experiment, count in missing.items():
            yield f"Missing: {experiment}: {counted(count, 'cell')} to start"

    def _finished(self) -> list[Cell]:
        endings = self._endings
        return [cell for cell in self.pending if cell.key in endings and endings[cell.key].status == "finished"]

    def _fitting(self, cells: Sequence[Cell]) -> list[Cell]:
        """Return the first of some cells, up to where the time would be up."""
        fitting: list[Cell] = []
        for cell in cells:
            if self._sum([*fitting, cell]) > self.seconds * self.jobs:
                break
            fitting.append(cell)
        return fitting

    def _sum(self, cells: Sequence[Cell]) -> float:
        return sum(self.estimated[cell.key].seconds for cell in cells)


@dataclass
class _Counted:
    """An observer that keeps how each cell ended, for another."""

    observer: Observer
    endings: dict[str, Ending]

    def started(self, cell: Cell) -> None:
        self.observer.started(cell)

    def advanced(self, cell: Cell, step: Step) -> None:
        self.observer.advanced(cell, step)

    def ended(self, cell: Cell, ending: Ending) -> None:
        self.endings[cell.key] = ending
        self.observer.ended(cell, ending)


def duration(seconds: float) -> str:
    """Return a time in words, to two digits."""
    if seconds < 120:
        return f"{seconds:.2g} s" if seconds < 100 else f"{seconds:.0f} s"
    minutes = seconds / 60
    if minutes < 120:
        return f"{minutes:.1f} min" if minutes < 10 else f"{minutes:.0f} min"
    return f"{minutes / 60:.1f} h"
