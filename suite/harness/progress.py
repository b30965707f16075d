"""Progress of a run on the terminal: bars where there is one, plain lines otherwise."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from suite.declarations import Cell
from suite.harness.observer import Ending, Observer, Step

_SECONDS_BETWEEN_LINES = 30.0


@contextmanager
def shown_progress(total: int, console: Console) -> Iterator[Observer]:
    """Show the progress of ``total`` cells while the block runs, through the observer it gives."""
    if console.is_terminal:
        bars = ProgressBars(total, console)
        with bars.progress:
            yield bars
    else:
        yield ProgressLines(total, console)


class ProgressBars:
    """A bar over all cells and one for each running cell, with its step, the time that is left and latest values."""

    def __init__(self, total: int, console: Console) -> None:
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[latest]}"),
            console=console,
        )
        self._all = self.progress.add_task("all cells", total=total, unit="cells", latest="")
        self._running: dict[str, TaskID] = {}

    def started(self, cell: Cell) -> None:
        """Add a bar."""
        self._running[cell.key] = self.progress.add_task(escape(cell.name), total=None, unit="", latest="")

    def advanced(self, cell: Cell, step: Step) -> None:
        """Move the cell's bar."""
        self.progress.update(
            self._running[cell.key], completed=step.done, total=step.total, unit=step.unit, latest=escape(_latest(step))
        )

    def ended(self, cell: Cell, ending: Ending) -> None:
        """Replace the cell's bar by a line above the bars."""
        running = self._running.pop(cell.key, None)
        if running is not None:
            self.progress.remove_task(running)
        self.progress.console.print(escape(_outcome(cell, ending)), soft_wrap=True)
        self.progress.advance(self._all)


class ProgressLines:
    """One line when a cell starts and ends, and one in a while for its latest step."""

    def __init__(self, total: int, console: Console) -> None:
        self._total = total
        self._console = console
        self._ended = 0
        self._last_line: dict[str, float] = {}

    def started(self, cell: Cell) -> None:
        """Print that it starts."""
        self._last_line[cell.key] = time.monotonic()
        self._print(f"{cell.name}: started")

    def advanced(self, cell: Cell, step: Step) -> None:
        """Print how far it is, unless a line of the cell was printed a short while ago."""
        now = time.monotonic()
        if now - self._last_line[cell.key] >= _SECONDS_BETWEEN_LINES:
            self._last_line[cell.key] = now
            self._print(f"{cell.name}: {step.done}/{step.total} {step.unit} {_latest(step)}".rstrip())

    def ended(self, cell: Cell, ending: Ending) -> None:
        """Print how it ended, and how many cells have."""
        self._ended += 1
        self._print(f"[{self._ended}/{self._total}] {_outcome(cell, ending)}")

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def _outcome(cell: Cell, ending: Ending) -> str:
    reason = f": {ending.reason}" if ending.reason else ""
    return f"{cell.name}: {ending.status} after {ending.seconds:.1f} s{reason}"


def _latest(step: Step) -> str:
    return ", ".join(f"{name} {float(value):.4g}" for name, value in step.latest.items())
