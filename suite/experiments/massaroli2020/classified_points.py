"""Training and test of the networks that classify spirals and spheres by dynamics of some order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from suite.datasets.nested_spheres import NestedSpheres
from suite.datasets.planar_classes import PlanarClasses, TwoSpirals
from suite.declarations import Meter
from suite.experiments.massaroli2020.higher_order_settings import HigherOrderSettings
from suite.experiments.planar_points import square_grid
from suite.experiments.rounding import significant
from suite.models import parameter_count
from suite.models.flow_classifier import FlowClassifier
from suite.models.graphed_step import GraphedStep
from suite.models.order_networks import KINDS
from suite.models.regularisers import total_magnitude

_REPORTED_EVERY = 10  # epochs between two looks at the loss, each of which waits for the device
_COUNTED_BATCH = 256  # test points whose common solve is counted


@dataclass(frozen=True)
class Task:
    """One classification task: where its points come from, and how long it is trained.

    Attributes:
        name: What its measurements are called by.
        source: Where points and classes are drawn from.
        inputs: Dimensions of a point.
        points: Training points.
        epochs: Full-batch steps.
    """

    name: str
    source: PlanarClasses | NestedSpheres
    inputs: int
    points: int
    epochs: int


def spirals(settings: HigherOrderSettings) -> Task:
    """Return the two spirals of the authors' tutorial on higher orders."""
    source = TwoSpirals(settings.spirals_noise)
    return Task("spirals", source, 2, settings.spirals_points, settings.spirals_epochs)


def spheres(settings: HigherOrderSettings) -> Task:
    """Return the nested spheres in space of the authors' tutorial on augmentation."""
    source = NestedSpheres(noise=settings.spheres_noise)
    return Task("spheres", source, source.dimensions, settings.spheres_points, settings.spheres_epochs)


def new_classifier(kind: str, inputs: int, settings: HigherOrderSettings) -> FlowClassifier:
    """Return an untrained classifier of two classes."""
    parts = KINDS[kind]
    hidden = settings.tenth_hidden if kind == "tenth" else settings.hidden
    head = nn.Linear(parts.state(inputs), 2)
    return FlowClassifier(parts.start(inputs), parts.field(inputs, hidden), head, settings.tolerance)


def classify_spirals(kind: str, settings: HigherOrderSettings, meter: Meter, *, with_picture: bool) -> float:
    """Train and test on spirals, record a picture of the classes if asked to, and return the test accuracy in %."""
    task = spirals(settings)
    model, accuracy = _classify(kind, task, settings, meter)
    if with_picture and isinstance(task.source, TwoSpirals):
        _record_picture(model, 1.1 * task.source.angle, settings, meter)
    return accuracy


def classify_spheres(kind: str, settings: HigherOrderSettings, meter: Meter) -> float:
    """Train and test on spheres, and return the test accuracy in %."""
    return _classify(kind, spheres(settings), settings, meter)[1]


def _classify(kind: str, task: Task, settings: HigherOrderSettings, meter: Meter) -> tuple[FlowClassifier, float]:
    x, labels = (each.to(meter.device) for each in task.source.sample(task.points, meter.generator(task.name)))
    test = task.source.sample(settings.test_points, meter.generator(f"test {task.name}"))
    with meter.initialisation():
        model = new_classifier(kind, task.inputs, settings).to(meter.device)
    meter.record("parameters", parameter_count(model), "1", task=task.name)
    _train(model, x, labels, task, settings.tenth_effort if kind == "tenth" else 0.0, settings, meter)
    return model, _test(model, test[0].to(meter.device), test[1].to(meter.device), task.name, settings, meter)


def _train(
    model: FlowClassifier,
    x: Tensor,
    labels: Tensor,
    task: Task,
    effort: float,
    settings: HigherOrderSettings,
    meter: Meter,
) -> None:
    """Minimise the cross-entropy of the whole batch with Adam, with the field's magnitude where it has a weight.

    Raises:
        FloatingPointError: When the loss is no longer finite.
    """
    optimiser = torch.optim.Adam(model.parameters(), lr=settings.learning_rate)

    def losses() -> tuple[Tensor]:
        if not effort:
            return (cross_entropy(model(x), labels),)
        scores, magnitude = model.with_integral(x, total_magnitude)
        return (cross_entropy(scores, labels) + effort * magnitude,)

    step = GraphedStep(losses, optimiser)
    with meter.wall_time() as elapsed:
        for epoch in meter.resumable_steps(task.epochs, task.name, model=model, optimiser=optimiser):
            (loss,) = step()
            if epoch % _REPORTED_EVERY == 0 or epoch == task.epochs - 1:
                value = loss.item()
                if not math.isfinite(value):
                    raise FloatingPointError(f"{task.name}: the loss is {value} at epoch {epoch}")
                meter.record("train_loss", significant(value, 4), "nats", task=task.name, epoch=epoch)
                meter.progress(epoch, task.epochs, f"epochs of {task.name}", loss=value)
    meter.record("train_seconds", elapsed.value, "s", task=task.name)


@torch.no_grad()
def _test(
    model: FlowClassifier, x: Tensor, labels: Tensor, name: str, settings: HigherOrderSettings, meter: Meter
) -> float:
    """Record accuracy and loss on the test set, evaluations against the tolerance, and how far states move."""
    scores = model(x)
    accuracy = 100 * _share_right(scores, labels)
    meter.record("test_accuracy", accuracy, "%", task=name)
    meter.record("test_error", 100 - accuracy, "%", task=name)
    meter.record("test_loss", float(cross_entropy(scores, labels)), "nats", task=name)
    batch = x[:_COUNTED_BATCH]
    meter.record("nfe", model.evaluations(batch), "evaluations", task=name)
    block = model.block
    start = model.start(x)
    meter.record("travel", float((block(start) - start).norm(dim=1).mean()), "length", task=name)
    for tolerance in _finer(settings.test_tolerances):
        with block.solved_by("dopri5", rtol=tolerance, atol=tolerance):
            meter.record("nfe_at", model.evaluations(batch), "evaluations", task=name, tolerance=tolerance)
            right = 100 * _share_right(model(x), labels)
            meter.record("accuracy_at", right, "%", task=name, tolerance=tolerance)
    return accuracy


def _share_right(scores: Tensor, labels: Tensor) -> float:
    return float((scores.argmax(dim=1) == labels).double().mean())


def _finer(tolerances: Sequence[float]) -> list[float]:
    return sorted(tolerances, reverse=True)


@torch.no_grad()
def _record_picture(model: FlowClassifier, half_width: float, settings: HigherOrderSettings, meter: Meter) -> None:
    """Record the probability of class 1 at the centres of the cells of a square."""
    side = settings.picture_side
    grid = square_grid(half_width, side, meter.device)
    meter.record("picture_half_width", half_width, "length")
    for cell, value in enumerate(model(grid).softmax(dim=1)[:, 1].tolist()):
        meter.record("probability", round(value, 2), "1", row=cell // side, column=cell % side)
