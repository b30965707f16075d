"""Times that can be compared on a shared machine: minima, and ratios of minima over interleaved calls."""

from __future__ import annotations

import time
from collections.abc import Callable


def best_times(
    *runs: Callable[[], object], seconds: float = 3.0, rounds: int = 20, warm_up: int = 3
) -> tuple[float, ...]:
    """Return the smallest wall time [s] of each function, called in turn so that slow phases hit all alike.

    Args:
        *runs: Functions of no arguments, each ending with the device idle.
        seconds: Least time spent on all calls together.
        rounds: Least number of calls of each.
        warm_up: Calls of each before the first timed one.
    """
    for _ in range(warm_up):
        for run in runs:
            run()
    best = [float("inf")] * len(runs)
    done, began = 0, time.perf_counter()
    while done < rounds or time.perf_counter() - began < seconds:
        for index, run in enumerate(runs):
            start = time.perf_counter()
            run()
            best[index] = min(best[index], time.perf_counter() - start)
        done += 1
    return tuple(best)
