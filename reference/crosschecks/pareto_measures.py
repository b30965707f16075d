"""What is recorded of contenders: error and costs of each, the fronts, rivals at equal cost, and when training pays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reference.crosschecks.pareto_case import ParetoCase
from reference.crosschecks.pareto_contenders import OURS, Contender
from reference.crosschecks.pareto_front import least_cost, least_error, on_front, samples_to_pay
from suite.declarations import Axis, Meter
from suite.experiments.rounding import significant
from suite.harness.interleaved import best_times
from suite.harness.meters import synchronise

COSTS = ("nfe", "macs", "seconds")
UNITS = {"nfe": "evaluations", "macs": "MAC", "seconds": "s"}

Rivals = Callable[[Contender], bool]
RIVALS: Mapping[str, Rivals] = {
    "euler": lambda each: each.method == "euler",
    "midpoint": lambda each: each.method == "midpoint",
    "rk4": lambda each: each.method == "rk4",
    "untrained": lambda each: each.training is None,
    "scalar-fitted": lambda each: each.kind == "scalar-fitted",
    "distilled": lambda each: each.kind == "distilled",
    "any": lambda each: each.kind != "hyper",
}
"""What hypersolvers are compared with at no more than their cost."""

_IN_BRIEF: Mapping[str, Rivals] = {name: RIVALS[name] for name in ("untrained", "any")}
"""Those at no more evaluations or seconds, where single methods would only fill the records."""

PAID_BY: Mapping[str, Rivals] = {
    "untrained": RIVALS["untrained"],
    "dopri5": lambda each: each.method == "dopri5",
}
"""Whose larger cost pays for the training of what is as accurate."""


@dataclass(frozen=True)
class Point:
    """A contender, its errors and its costs; operations and seconds are those of a sample."""

    contender: Contender
    error: float
    median: float
    costs: Mapping[str, float]


def measured(case: ParetoCase, contenders: Sequence[Contender], meter: Meter) -> list[Point]:
    """Return error, evaluations and operations of contenders, without their times."""
    points = []
    for done, contender in enumerate(contenders):
        case.field.reset()
        with meter.macs() as operations:
            found = contender.end()
        errors = case.errors(found)
        macs = operations.value / len(case.starts) if contender.macs is None else contender.macs
        costs = {"nfe": float(case.field.nfe), "macs": macs}
        points.append(Point(contender, float(errors.mean()), float(errors.median()), costs))
        meter.progress(done + 1, len(contenders), "solves")
    return points


def timed(case: ParetoCase, points: Sequence[Point], rounds: int) -> list[Point]:
    """Return the points with the seconds of a sample, each contender's fastest of solves in turn."""

    def run(contender: Contender) -> Callable[[], None]:
        def once() -> None:
            contender.end()
            synchronise(case.starts.device)

        return once

    times = best_times(*(run(point.contender) for point in points), seconds=0.0, rounds=rounds, warm_up=1)
    return [
        Point(point.contender, point.error, point.median, {**point.costs, "seconds": seconds / len(case.starts)})
        for point, seconds in zip(points, times, strict=True)
    ]


def record_points(points: Sequence[Point], meter: Meter) -> None:
    """Record each point, and whether it is on the front of each cost; medians of our own code alone.

    A direct network evaluates no field and would have every error for nothing: it is on no front of evaluations.
    """
    for point in points:
        axes = _axes(point)
        meter.record("error", significant(point.error, 4), "1", kind=point.contender.kind, **axes)
        if point.contender.library == OURS:
            meter.record("median_error", significant(point.median, 4), "1", **axes)
        for cost in COSTS:
            meter.record(cost, significant(point.costs[cost], 4), UNITS[cost], **axes)
        if point.contender.training is not None:
            meter.record("training_seconds", significant(point.contender.training.seconds, 4), "s", **axes)
            meter.record("training_macs", significant(point.contender.training.macs, 4), "MAC", **axes)
    for cost in COSTS:
        several = [point for point in points if point.costs[cost] > 0]
        found = on_front([point.costs[cost] for point in several], [point.error for point in several])
        for point, best in zip(several, found, strict=True):
            meter.record("on_front", float(best), "1", **_axes(point), cost=cost)


def record_rivals(points: Sequence[Point], meter: Meter) -> None:
    """Record the error of each hypersolver over the smallest that rivals have at no more than its cost.

    Rivals of which none is that cheap have no row.
    """
    for point in (each for each in points if each.contender.kind == "hyper"):
        for cost in COSTS:
            for name, is_rival in RIVALS.items() if cost == "macs" else _IN_BRIEF.items():
                rivals = [each for each in points if is_rival(each.contender) and each.costs[cost] > 0]
                best = least_error(
                    [each.costs[cost] for each in rivals], [each.error for each in rivals], point.costs[cost]
                )
                if best is not None:
                    axes: dict[str, Axis] = {"cost": cost, "rivals": name, **_short(point)}
                    meter.record("error_over_rival", significant(point.error / best, 4), "1", **axes)


def record_amortisation(points: Sequence[Point], meter: Meter) -> None:
    """Record of all that is trained what share of its training a million samples pay, and how many pay for all of it.

    A sample pays what the cheapest rival that is as accurate costs more, which may be less than nothing: then no number
    of samples pays. Where no rival is as accurate, there is no row.
    """
    for point in points:
        training = point.contender.training
        if training is None:
            continue
        for cost, spent in (("macs", training.macs), ("seconds", training.seconds)):
            for name, is_rival in PAID_BY.items():
                rivals = [each for each in points if is_rival(each.contender)]
                cheapest = least_cost(
                    [each.costs[cost] for each in rivals], [each.error for each in rivals], point.error
                )
                if cheapest is None:
                    continue
                axes: dict[str, Axis] = {"cost": cost, "rivals": name, **_short(point)}
                saved = 1e6 * (cheapest - point.costs[cost])
                meter.record("paid_by_a_million", significant(saved / spent, 4), "1", **axes)
                samples = samples_to_pay(spent, point.costs[cost], cheapest)
                if samples is not None:
                    meter.record("samples_to_pay", significant(samples, 4), "samples", **axes)


def record_share(points: Sequence[Point], meter: Meter) -> None:
    """Record the share of the hypersolvers' points that no other method beats at no more than its operations."""
    mine = [point for point in points if point.contender.kind == "hyper"]
    for name in ("any", "untrained"):
        others = [point for point in points if RIVALS[name](point.contender)]
        found = [
            on_front([each.costs["macs"] for each in (point, *others)], [each.error for each in (point, *others)])[0]
            for point in mine
        ]
        meter.record("front_share", sum(found) / len(found), "1", rivals=name)


def _axes(point: Point) -> dict[str, Axis]:
    contender = point.contender
    return {"library": contender.library, **_short(point)}


def _short(point: Point) -> dict[str, Axis]:
    return {"method": point.contender.method, "effort": point.contender.effort}
