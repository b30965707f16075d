"""Training of the classifiers of Figure 1, of one seed or of several at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from suite.declarations import Meter, Meters
from suite.experiments.massaroli2020.fig1_network import DepthClassifier, accuracy, ends, solve_depth
from suite.experiments.massaroli2020.fig1_settings import Fig1Settings
from suite.models.graphed_step import GraphedStep
from suite.models.replicas import elementwise, field_replicas, put_back

_REPORTED_EVERY = 20  # iterations between two looks at the loss, each of which waits for the device


@dataclass(frozen=True)
class Task:
    """A classifier and what it learns.

    Attributes:
        classifier: The classifier, trained in place.
        points: All points of every batch, shape ``[n, 2]``.
        labels: Their classes, shape ``[n]``.
        data: Name of the data set, the value of the axis ``data``.
        iterations: Steps of Adam.
        settings: Settings of the cell.
    """

    classifier: DepthClassifier
    points: Tensor
    labels: Tensor
    data: str
    iterations: int
    settings: Fig1Settings


def train(task: Task, meter: Meter) -> None:
    """Minimise the cross-entropy of the state at the end of depth with Adam, all points in one batch.

    Raises:
        FloatingPointError: When the loss is no longer finite.
    """
    optimiser, schedule = _optimiser(task.classifier.field, task)

    def losses() -> tuple[Tensor, Tensor]:
        found = task.classifier.scores(task.points)
        return functional.cross_entropy(found, task.labels), found

    step = GraphedStep(losses, optimiser)
    with meter.wall_time() as elapsed:
        for iteration in meter.resumable_steps(
            task.iterations, task.data, model=task.classifier.field, optimiser=optimiser, schedule=schedule
        ):
            loss, scores = step()
            schedule.step()
            if _is_reported(iteration, task):
                _report(loss.item(), iteration, task, meter)
    meter.record("train_accuracy", accuracy(scores, task.labels), "%", data=task.data)
    meter.record("train_seconds", elapsed.value, "s", data=task.data)


def train_together(tasks: Sequence[Task], meters: Meters) -> None:
    """Train classifiers of one architecture as :func:`train` does each of them, on points of their own.

    Raises:
        FloatingPointError: When a loss is no longer finite.
    """
    task = tasks[0]
    field = field_replicas([each.classifier.field for each in tasks])
    points, labels = torch.stack([each.points for each in tasks]), torch.stack([each.labels for each in tasks])
    optimiser, schedule = _optimiser(field, task)

    def losses() -> tuple[Tensor, ...]:
        found = ends(solve_depth(field, points, method=task.classifier.method, steps=task.classifier.steps))
        # The classes come second; the mean over the points is each task's own.
        of_each = functional.cross_entropy(found.transpose(1, 2), labels, reduction="none").mean(dim=1)
        return of_each.sum(), of_each, found

    step = GraphedStep(losses, optimiser)
    with meters.wall_time() as elapsed:
        for iteration in meters.resumable_steps(
            task.iterations, task.data, model=field, optimiser=optimiser, schedule=schedule
        ):
            _, of_each, scores = step()
            schedule.step()
            if _is_reported(iteration, task):
                for loss, each, meter in zip(of_each.tolist(), tasks, meters.each, strict=True):
                    _report(loss, iteration, each, meter)
    put_back(field)
    for each, meter, found in zip(tasks, meters.each, scores, strict=True):
        meter.record("train_accuracy", accuracy(found, each.labels), "%", data=each.data)
        meter.record("train_seconds", elapsed.value, "s", data=each.data, together=len(tasks))


def _optimiser(
    field: torch.nn.Module, task: Task
) -> tuple[torch.optim.Adam, torch.optim.lr_scheduler.CosineAnnealingLR]:
    rate = task.settings.learning_rate
    optimiser = elementwise(torch.optim.Adam(field.parameters(), lr=rate))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimiser, task.iterations, eta_min=rate * task.settings.final_learning_rate
    )
    return optimiser, schedule


def _is_reported(iteration: int, task: Task) -> bool:
    return iteration % _REPORTED_EVERY == 0 or iteration == task.iterations - 1


def _report(loss: float, iteration: int, task: Task, meter: Meter) -> None:
    if not math.isfinite(loss):
        raise FloatingPointError(f"training diverged: the loss is {loss} at iteration {iteration}")
    meter.record("train_loss", loss, "nats", data=task.data, iteration=iteration)
    meter.progress(iteration + 1, task.iterations, f"iterations on {task.data}", loss=loss)
