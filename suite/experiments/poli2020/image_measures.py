"""What is measured of a method on images: errors over evaluations and operations, pixel errors over depth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from suite.declarations import Axis, Meter
from suite.experiments.poli2020.image_errors import (
    TerminalError,
    classes_of,
    pixel_errors,
    probability_of,
    terminal_error,
)
from suite.experiments.poli2020.image_methods import Stepping
from suite.experiments.poli2020.image_problem import ImageProblem
from suite.experiments.poli2020.image_settings import ImageSettings
from suite.experiments.rounding import significant

Errors = Mapping[int, TerminalError]
"""Errors by number of steps."""


def step_counts(stepping: Stepping, settings: ImageSettings) -> list[int]:
    """Return all numbers of steps at which a method is measured."""
    counts = {stepping.steps(evaluations) for evaluations in settings.evaluations}
    return sorted(counts | {stepping.steps_on_axis(position) for position in settings.axis_evaluations})


def record_errors(stepping: Stepping, problem: ImageProblem, settings: ImageSettings, meter: Meter) -> Errors:
    """Record errors at depth 1 and what they do to the classes, against evaluations, on the paper's axis, at budgets.

    Axes are ``nfe``, evaluations that are really made; ``axis_nfe``, the position on the released code's axis; and
    ``budget``, multiply-accumulates in evaluations of the field, between whose neighbouring numbers of steps the error
    is interpolated.
    """
    exact = classes_of(problem.head, problem.ends)
    accuracy = _percent(exact == problem.labels)
    errors: dict[int, TerminalError] = {}
    counted = {stepping.steps(evaluations) for evaluations in settings.evaluations}
    for steps in step_counts(stepping, settings):
        found = problem.solved(stepping.method, steps)
        errors[steps] = error = terminal_error(found, problem.ends)
        if steps not in counted:
            continue
        axes: dict[str, Axis] = {"nfe": stepping.evaluations(steps)}
        meter.record("relative_l2_error", error.relative_l2, "1", **axes)
        meter.record("mean_relative_error", error.mean_relative, "1", **axes)
        meter.record("median_relative_error", error.median_relative, "1", **axes)
        classes = classes_of(problem.head, found)
        meter.record("accuracy_loss", accuracy - _percent(classes == problem.labels), "points", **axes)
        meter.record("changed_classes", _percent(classes != exact), "%", **axes)
        meter.record("cost", stepping.cost(steps), "evaluations", **axes)
    for position in settings.axis_evaluations:
        value = errors[stepping.steps_on_axis(position)].channel_sum
        meter.record("axis_error", value, "1", axis_nfe=position)
    costs = [stepping.cost(steps) for steps in errors]
    for metric, values in (
        ("equal_operations_error", [error.relative_l2 for error in errors.values()]),
        ("equal_operations_relative_error", [error.mean_relative for error in errors.values()]),
    ):
        for budget in settings.budgets:
            meter.record(metric, interpolated(costs, values, budget), "1", budget=budget)
    return errors


def interpolated(costs: Sequence[float], errors: Sequence[float], cost: float) -> float:
    """Return the error at a cost, on the straight line of logarithms between its neighbours.

    Raises:
        ValueError: When the cost is outside of those measured.
    """
    if not costs[0] <= cost <= costs[-1]:
        raise ValueError(f"no error at a cost of {cost:g}: those measured are from {costs[0]:g} to {costs[-1]:g}")
    return math.exp(float(np.interp(math.log(cost), np.log(costs), np.log(errors))))


def record_times(stepping: Stepping, problem: ImageProblem, settings: ImageSettings, meter: Meter) -> None:
    """Record the time of a solve of some images: the fastest of repeats."""
    few = problem.first(settings.timed_images)
    for evaluations in settings.evaluations:
        steps, seconds = stepping.steps(evaluations), []
        few.solved(stepping.method, steps)
        for _ in range(settings.repeats):
            with meter.wall_time() as reading:
                few.solved(stepping.method, steps)
            seconds.append(reading.value)
        meter.record("milliseconds", 1e3 * min(seconds), "ms", nfe=stepping.evaluations(steps))


def record_depth(stepping: Stepping, problem: ImageProblem, meter: Meter, *, with_map: bool) -> None:
    """Record pixel errors and the probability of the exact class after every step of a roll-out.

    Args:
        stepping: The method.
        problem: Its path has a depth for every step.
        meter: Where to record.
        with_map: Whether to record the error of each pixel of the first image too.
    """
    states, exact = problem.stepped(stepping.method), problem.path.states
    classes = classes_of(problem.head, exact[-1])
    errors = pixel_errors(states, exact)
    for step in range(1, len(errors)):
        meter.record("pixel_error", float(errors[step].mean()), "1", step=step)
        meter.record("largest_pixel_error", float(errors[step].flatten(1).amax(dim=1).mean()), "1", step=step)
        probability = probability_of(problem.head, states[step], classes)
        meter.record("class_probability", probability, "1", step=step)
        if with_map and step in shown_steps(len(errors) - 1):
            for row, line in enumerate(errors[step, 0].tolist()):
                for column, value in enumerate(line):
                    meter.record("pixel_map", significant(value, 3), "1", step=step, row=row, column=column)


def shown_steps(steps: int) -> list[int]:
    """Return the steps after which pixels are shown: three of them, the last among them."""
    return sorted({math.ceil(steps / 3), math.ceil(2 * steps / 3), steps})


def record_crossover(
    own: tuple[Stepping, Errors], rival: tuple[Stepping, Errors], settings: ImageSettings, meter: Meter
) -> None:
    """Record from where on a rival has no larger a mean relative error, in three ways of counting what it costs.

    Counted are positions on the released axis, evaluations, and multiply-accumulates in evaluations. Where the rival is
    never as good up to the largest position that both reach, that position is recorded: the true one is larger still.
    """
    largest = settings.axis_evaluations[-1]
    for axis, of in (("axis", _position), ("evaluations", _evaluations), ("operations", Stepping.cost)):
        curves = []
        for stepping, errors in (own, rival):
            points = sorted((of(stepping, steps), error.mean_relative) for steps, error in errors.items())
            curves.append(([cost for cost, _ in points], [error for _, error in points]))
        low = max(costs[0] for costs, _ in curves)
        high = min(float(largest), *(costs[-1] for costs, _ in curves))
        grid = np.linspace(low, max(low, high), 401)
        mine, theirs = (np.interp(np.log(grid), np.log(costs), np.log(errors)) for costs, errors in curves)
        better = np.flatnonzero(theirs <= mine)
        where = grid[better[0]] if better.size else grid[-1]
        meter.record("crossover", float(where), "evaluations", rival=rival[0].name, counted=axis)


def _position(stepping: Stepping, steps: int) -> float:
    return float(stepping.stages * (steps + 1))


def _evaluations(stepping: Stepping, steps: int) -> float:
    return float(stepping.evaluations(steps))


def _percent(true: torch.Tensor) -> float:
    return 100 * float(true.double().mean())
