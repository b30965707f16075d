"""Digits by flows of images, and communities by flows on graphs, with zeros beside the data and without."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, cross_entropy

from suite.datasets.block_model_graph import BlockModelGraph
from suite.declarations import Meter
from suite.experiments.massaroli2020.regularisation_settings import RegularisationSettings
from suite.experiments.rounding import significant
from suite.models import parameter_count
from suite.models.augmentation import ZeroAugmentation
from suite.models.depth_varying import DepthField
from suite.models.flow_classifier import FlowClassifier
from suite.models.graph_ode import GraphField

DIGITS = 10
_REPORTED_EVERY = 10


def digit_classifier(settings: RegularisationSettings, *, augmented: bool) -> FlowClassifier:
    """Return a flow of images with a small head, the same whatever the channels: one channel, and a linear layer."""
    extra = settings.image_extra if augmented else 0
    hidden = settings.image_hidden if augmented else settings.image_hidden_plain
    channels = 1 + extra
    field = DepthField(nn.Conv2d(channels, hidden, 3, padding=1), nn.Tanh(), nn.Conv2d(hidden, channels, 3, padding=1))
    head = nn.Sequential(nn.Conv2d(channels, 1, 1), nn.Flatten(), nn.Linear(settings.image_side**2, DIGITS))
    return FlowClassifier(ZeroAugmentation(extra, first=False), field, head, settings.tolerance)


def classify_digits(settings: RegularisationSettings, meter: Meter, *, augmented: bool) -> None:
    """Train a flow of images on digits and test it on others.

    Raises:
        FloatingPointError: When the loss is no longer finite.
    """
    data = meter.dataset("digits")
    side = settings.image_side
    x = adaptive_avg_pool2d(data.train_images[: settings.train_images], side).to(meter.device)
    labels = data.train_labels[: settings.train_images].to(meter.device)
    test = adaptive_avg_pool2d(data.test_images[: settings.test_images], side).to(meter.device)
    test_labels = data.test_labels[: settings.test_images].to(meter.device)
    with meter.initialisation():
        model = digit_classifier(settings, augmented=augmented).to(meter.device)
    optimiser = torch.optim.Adam(model.parameters(), lr=settings.learning_rate)
    order = meter.generator("order")
    for epoch in meter.resumable_steps(settings.image_epochs, "digits", model=model, optimiser=optimiser):
        total = torch.zeros((), device=meter.device)
        for batch in torch.randperm(len(x), generator=order).split(settings.image_batch):
            optimiser.zero_grad()
            loss = cross_entropy(model(x[batch]), labels[batch])
            loss.backward()
            optimiser.step()
            total += loss.detach() * len(batch) / len(x)
        _report(float(total), epoch, settings.image_epochs, "epochs of digits", meter)
    _record(model, test, test_labels, settings, meter)


def node_classifier(adjacency: Tensor, settings: RegularisationSettings, *, augmented: bool) -> FlowClassifier:
    """Return a flow of node states with a linear head."""
    extra = settings.graph_extra if augmented else 0
    hidden = settings.graph_hidden if augmented else settings.graph_hidden_plain
    field = GraphField(adjacency, 2 + extra, hidden)
    head = nn.Linear(2 + extra, BlockModelGraph().communities)
    return FlowClassifier(ZeroAugmentation(extra, first=False), field, head, settings.tolerance)


def classify_nodes(settings: RegularisationSettings, meter: Meter, *, augmented: bool) -> None:
    """Train a flow on random graphs, a new one in every iteration, and test it on others.

    Raises:
        FloatingPointError: When the loss is no longer finite.
    """
    source = BlockModelGraph(members=settings.graph_members)
    graphs = meter.generator("graphs")
    with meter.initialisation():
        model = node_classifier(torch.eye(1), settings, augmented=augmented).to(meter.device)
    optimiser = torch.optim.Adam(model.parameters(), lr=settings.learning_rate)
    for iteration in meter.resumable_steps(settings.graph_iterations, "graphs", model=model, optimiser=optimiser):
        optimiser.zero_grad()
        graph = source.sample(graphs).to(meter.device)
        loss = cross_entropy(_on(model, graph.adjacency)(graph.features), graph.communities)
        loss.backward()
        optimiser.step()
        if iteration % _REPORTED_EVERY == 0 or iteration == settings.graph_iterations - 1:
            _report(loss.item(), iteration, settings.graph_iterations, "iterations on graphs", meter)
    stream = meter.generator("test graphs")
    others = [source.sample(stream).to(meter.device) for _ in range(settings.test_graphs)]
    # Several graphs at once are one graph of several parts.
    together = _on(model, torch.block_diag(*(other.adjacency for other in others)))
    features = torch.cat([other.features for other in others])
    _record(together, features, torch.cat([other.communities for other in others]), settings, meter)


def _on(model: FlowClassifier, adjacency: Tensor) -> FlowClassifier:
    if not isinstance(model.field, GraphField):
        raise TypeError(f"the field is on no graph: {type(model.field).__name__}")
    return FlowClassifier(model.start, model.field.on(adjacency), model.head, model.block.rtol)


def _report(loss: float, step: int, steps: int, unit: str, meter: Meter) -> None:
    if not math.isfinite(loss):
        raise FloatingPointError(f"the loss is {loss} at step {step} of {steps} {unit}")
    meter.record("train_loss", significant(loss, 4), "nats", step=step)
    meter.progress(step, steps, unit, loss=loss)


@torch.no_grad()
def _record(model: FlowClassifier, x: Tensor, labels: Tensor, settings: RegularisationSettings, meter: Meter) -> None:
    scores = model(x)
    right = float((scores.argmax(dim=1) == labels).double().mean())
    meter.record("test_accuracy", 100 * right, "%")
    meter.record("test_error", 100 * (1 - right), "%")
    meter.record("test_loss", float(cross_entropy(scores, labels)), "nats")
    meter.record("parameters", parameter_count(model), "1")
    for tolerance in settings.test_tolerances:
        with model.block.solved_by("dopri5", rtol=tolerance, atol=tolerance):
            meter.record("nfe_at", model.evaluations(x), "evaluations", tolerance=tolerance)
