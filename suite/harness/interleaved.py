"""Times that can be compared on a shared machine: minima, and ratios of minima over interleaved calls."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TypeVar

import torch

from suite.harness.meters.call_time import NOT_MEASURED, CallTime, call_time

Run = Callable[[], object]
Sample = TypeVar("Sample")


def best_times(*runs: Run, seconds: float = 3.0, rounds: int = 20, warm_up: int = 3) -> tuple[float, ...]:
    """Return the smallest wall time [s] of each function, called in turn so that slow phases hit all alike.

    Args:
        *runs: Functions of no arguments, each ending with the device idle.
        seconds: Least time spent on all calls together.
        rounds: Least number of calls of each.
        warm_up: Calls of each before the first timed one.
    """
    return tuple(min(times) for times in _in_turn(_wall, runs, seconds, rounds, warm_up))


def best_call_times(
    *runs: Run, device: torch.device, seconds: float = 3.0, rounds: int = 20, warm_up: int = 3
) -> tuple[CallTime, ...]:
    """Return the smallest wall time and the smallest device time of each function, called in turn.

    Args:
        *runs: Functions of no arguments that need not wait for the device.
        device: Where they work.
        seconds: Least time spent on all calls together.
        rounds: Least number of calls of each.
        warm_up: Calls of each before the first timed one. A solve that is captured as a CUDA graph once it has been
            seen needs three.
    """
    samples = _in_turn(lambda run: call_time(run, device), runs, seconds, rounds, warm_up)
    return tuple(CallTime(min(each.wall for each in times), _least_device_time(times)) for times in samples)


def _in_turn(
    measure: Callable[[Run], Sample], runs: tuple[Run, ...], seconds: float, rounds: int, warm_up: int
) -> list[list[Sample]]:
    for _ in range(warm_up):
        for run in runs:
            run()
    samples: list[list[Sample]] = [[] for _ in runs]
    done, began = 0, time.perf_counter()
    while done < rounds or time.perf_counter() - began < seconds:
        for run, mine in zip(runs, samples, strict=True):
            mine.append(measure(run))
        done += 1
    return samples


def _wall(run: Run) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _least_device_time(times: list[CallTime]) -> float:
    return min((each.device for each in times if not math.isnan(each.device)), default=NOT_MEASURED)
