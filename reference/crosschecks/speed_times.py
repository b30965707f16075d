"""Times of solves by several libraries and of the field's own work, in turn: until the device is idle, and on it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from torch import Tensor

from reference.crosschecks.contenders import WARM_UP, Run, Solve
from suite.declarations import Axis, Meter
from suite.experiments.poli2020.wall_clock_graphs import captured
from suite.harness.interleaved import best_call_times
from suite.harness.meters.call_time import CallTime

FIELD = "field"
"""Stands where a library's name does, for the field's own work in our solve."""
FIELD_GRAPH = "field-graph"
"""The same work captured as CUDA graphs, which leaves out its launches: on a GPU the harder thing to compare with."""
PARTS = ("evaluations", "products")
"""The parts of the field's work: evaluations, and evaluations each with its vector-Jacobian product."""


def times_of_repeats(
    runs: Mapping[str, Run],
    solve: Solve,
    work: tuple[int, int],
    repeats: int,
    seconds: float,
    meter: Meter,
    axes: Mapping[str, Axis],
) -> dict[str, list[CallTime]]:
    """Record the fastest time of each library and of the field's work in every repeat.

    Args:
        runs: A solve by each library, by name; each has been called once.
        solve: What they do.
        work: How many evaluations and how many products the field's work has.
        repeats: Repeats of the interleaved calls.
        seconds: Least time of one repeat.
        meter: Where the times are recorded.
        axes: Of the rows.

    Returns:
        These, by the name of the library, :data:`FIELD`, :data:`FIELD_GRAPH` on a GPU, and each of :data:`PARTS`.
    """
    evaluations, products = (max(number, 1) for number in work)
    calls = dict(runs) | dict(zip(PARTS, (solve.evaluate(evaluations), solve.multiply(products)), strict=True))
    sums = {FIELD: _needed(PARTS, work)}
    if meter.device.type == "cuda":
        graphs = [f"{part} {FIELD_GRAPH}" for part in PARTS]
        calls |= {graph: _replayed(calls[part], solve.y0) for graph, part in zip(graphs, PARTS, strict=True)}
        sums[FIELD_GRAPH] = _needed(graphs, work)
    of_repeats: dict[str, list[CallTime]] = {name: [] for name in (*calls, *sums)}
    for repeat in range(repeats):
        warm_up = 0 if repeat else WARM_UP[meter.device.type]
        minima = best_call_times(*calls.values(), device=meter.device, seconds=seconds, rounds=2, warm_up=warm_up)
        best = dict(zip(calls, minima, strict=True))
        best |= {name: _sum(best[part] for part in parts) for name, parts in sums.items()}
        for name in (*runs, *sums):
            of = {"library": name, "repeat": repeat, **axes}
            meter.record("seconds", best[name].wall, "s", **of)
            if not math.isnan(best[name].device):
                meter.record("device_seconds", best[name].device, "s", **of)
        for name, found in best.items():
            of_repeats[name].append(found)
    return of_repeats


def fastest(times: Sequence[CallTime]) -> CallTime:
    """Return the least times, until the device is idle and on it."""
    return CallTime(min(each.wall for each in times), min(each.device for each in times))


def _needed(parts: Sequence[str], work: tuple[int, int]) -> list[str]:
    """Return the parts of which the work has any."""
    return [part for part, number in zip(parts, work, strict=True) if number]


def _replayed(run: Run, y0: Tensor) -> Run:
    """Return work of the field as one CUDA graph."""

    def work(start: Tensor) -> Tensor:
        run()
        return start

    return captured(work, y0)


def _sum(times: Iterable[CallTime]) -> CallTime:
    listed = list(times)
    return CallTime(sum(each.wall for each in listed), sum(each.device for each in listed))
