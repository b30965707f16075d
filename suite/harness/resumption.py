"""Resuming inside a cell: a training loop that was interrupted goes on where its last checkpoint was written."""

from __future__ import annotations

import io
import pickle
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from suite.declarations import Stateful
from suite.harness.atomic import write_atomically
from suite.harness.deadline import NEVER, Deadline, TimeUp

SECONDS_BETWEEN = 30.0
"""Least time between two checkpoints: what an interruption costs at most; shorter loops write none."""


class Stopwatch:
    """Seconds since it was made, and those of the interrupted runs that the present one continues."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._earlier = 0.0

    @property
    def seconds(self) -> float:
        """What it shows now."""
        return self.present + self._earlier

    @property
    def present(self) -> float:
        """Seconds of the present run."""
        return time.perf_counter() - self._start

    @property
    def earlier(self) -> float:
        """What interrupted runs add to the present one."""
        return self._earlier

    def resume(self, seconds: float) -> None:
        """Show so many seconds now, as when the checkpoint was written."""
        self._earlier = seconds - self.present


class Resumption:
    """The checkpoint of one cell: one file, with an entry for each training loop that has written one.

    A resumed cell runs its code again up to the loop, and has then the rows, the states of all random generators and
    the elapsed times of when the checkpoint was written, so that it ends with the numbers of a run never interrupted.
    """

    def __init__(
        self,
        path: Path | None,
        device: torch.device,
        rows: list[dict[str, Any]],
        generators: dict[str, torch.Generator],
        generator: Callable[[str], torch.Generator],
        deadline: Deadline = NEVER,
        together: Sequence[str] = (),
    ) -> None:
        """Look for an earlier checkpoint.

        Args:
            path: The file, or None to write none.
            device: Where the cell runs.
            rows: The cell's measurements, replaced in place.
            generators: The cell's streams of random numbers so far.
            generator: Makes a stream.
            deadline: When loops stop, with a checkpoint.
            together: Keys of the cells that run as one batched model, this one's among them; none when it runs alone.
                A checkpoint of other cells, or of one that ran otherwise, is none.
        """
        self._path = path
        self._device = device
        self._rows = rows
        self._generators = generators
        self._generator = generator
        self._deadline = deadline
        self._written = time.perf_counter()
        self._watches: list[Stopwatch] = []
        self._names: set[str] = set()
        self._measured: dict[str, float] = {}
        self._together = list(together)
        entries = {} if path is None else read_checkpoint(path)
        self._entries = {name: entry for name, entry in entries.items() if entry.get("together", []) == self._together}

    def stopwatch(self) -> Stopwatch:
        """Start a stopwatch that runs until the cell ends."""
        self._watches.append(Stopwatch())
        return self._watches[-1]

    @contextmanager
    def timed(self) -> Iterator[Stopwatch]:
        """Run a stopwatch inside the block."""
        watch = self.stopwatch()
        try:
            yield watch
        finally:
            self._watches.remove(watch)

    def measured_once(self, name: str, measure: Callable[[], float]) -> float:
        """Return a number that is measured, or that of the interrupted run where a checkpoint was written after it.

        Raises:
            ValueError: When another number of the cell has the name.
        """
        if name in self._measured:
            raise ValueError(f"two numbers measured once in a cell are called {name!r}; each takes a name of its own")
        earlier = [entry["measured"][name] for entry in self._entries.values() if name in entry["measured"]]
        self._measured[name] = earlier[0] if earlier else measure()
        return self._measured[name]

    def steps(self, count: int, name: str, parts: Mapping[str, Stateful | dict[Any, float]]) -> Iterator[int]:
        """Count the steps of a loop from where it was interrupted, and write checkpoints between them.

        Raises:
            ValueError: When another loop of the cell has the name.
            TimeUp: Between two steps, when the deadline asks to stop and the checkpoint is written.
        """
        return steps_of_all([self], count, name, parts)

    def begin(self, name: str) -> int:
        """Begin a loop, and return how many of its steps the checkpoint has.

        Raises:
            ValueError: When another loop of the cell has the name.
        """
        if name in self._names:
            raise ValueError(f"two training loops of a cell are called {name!r}; each takes a name of its own")
        self._names.add(name)
        return int(self._entries[name]["done"]) if name in self._entries else 0

    @property
    def asks_to_stop(self) -> bool:
        """Whether the time of the run is up."""
        return self._deadline.asks_to_stop

    @property
    def is_due(self) -> bool:
        """Whether the last checkpoint is so old that another is to be written."""
        return time.perf_counter() - self._written >= SECONDS_BETWEEN

    def resume(self, name: str, parts: Mapping[str, Stateful | dict[Any, float]]) -> None:
        """Bring a loop to where its checkpoint is."""
        entry = self._entries[name]
        for key, part in parts.items():
            state = entry["parts"][key]
            if isinstance(part, dict):
                part.clear()
                part.update(state)
            else:
                part.load_state_dict(state)
        for stream, state in entry["generators"].items():
            self._generator(stream).set_state(state)
        torch.set_rng_state(entry["cpu"])
        if self._device.type == "cuda":
            torch.cuda.set_rng_state(entry["cuda"], self._device)
        self._rows[:] = entry["rows"]
        for watch, seconds in zip(self._watches, entry["seconds"], strict=True):
            watch.resume(seconds)

    def write(self, name: str, done: int, parts: Mapping[str, Stateful | dict[Any, float]]) -> None:
        """Write a checkpoint after so many steps of a loop."""
        if self._path is None:
            return
        self._entries[name] = {
            "done": done,
            "parts": {key: dict(part) if isinstance(part, dict) else part.state_dict() for key, part in parts.items()},
            "generators": {stream: generator.get_state() for stream, generator in self._generators.items()},
            "cpu": torch.get_rng_state(),
            "rows": list(self._rows),
            "measured": dict(self._measured),
            "seconds": [watch.seconds for watch in self._watches],
            "together": self._together,
        }
        if self._device.type == "cuda":
            self._entries[name]["cuda"] = torch.cuda.get_rng_state(self._device)
        content = io.BytesIO()
        torch.save(self._entries, content)
        # Kept as bytes only: the states of later loops' parts are those of this moment no longer.
        self._entries[name] = torch.load(io.BytesIO(content.getvalue()), map_location="cpu", weights_only=True)[name]
        write_atomically(self._path, content.getvalue())
        self._written = time.perf_counter()


def steps_of_all(
    resumptions: Sequence[Resumption], count: int, name: str, parts: Mapping[str, Stateful | dict[Any, float]]
) -> Iterator[int]:
    """Count the steps of a loop that is one loop of several cells, and write the checkpoints of all at the same step.

    Where those that are there are of different steps, as when writing them was interrupted, the loop begins anew.

    Args:
        resumptions: Of the cells.
        count: Steps of the loop.
        name: Of the loop.
        parts: What it changes, of all cells together.

    Raises:
        ValueError: When another loop of a cell has the name.
        TimeUp: Between two steps, when the deadline asks to stop and the checkpoints are written.
    """
    done = {resumption.begin(name) for resumption in resumptions}
    first = done.pop() if len(done) == 1 else 0
    if first:
        for resumption in resumptions:
            resumption.resume(name, parts)
    # None is written after the last step, so that what a step computes is there when the loop ends.
    for step in range(first, count):
        yield step
        if step + 1 == count:
            return
        time_is_up = resumptions[0].asks_to_stop
        if time_is_up or resumptions[0].is_due:
            for resumption in resumptions:
                resumption.write(name, step + 1, parts)
        if time_is_up:
            raise TimeUp(f"the time is up after step {step + 1} of {count} of its loop {name!r}")


def read_checkpoint(source: Path | bytes) -> dict[str, Any]:
    """Return the entry of each training loop, in their order; a file that is absent or cannot be read has none."""
    try:
        content = source if isinstance(source, bytes) else source.read_bytes()
        entries: dict[str, Any] = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, ValueError, pickle.UnpicklingError):
        return {}
    return entries
