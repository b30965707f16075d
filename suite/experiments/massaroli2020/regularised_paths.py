"""A flow trained with a regulariser of its paths, once for each weight."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from suite.datasets.planar_classes import TwoSpirals
from suite.declarations import Axis, Meter
from suite.experiments.massaroli2020.regularisation_settings import RegularisationSettings
from suite.experiments.rounding import significant
from suite.gradients.generalised import RunningLoss
from suite.models.augmentation import ZeroAugmentation
from suite.models.flow_classifier import FlowClassifier
from suite.models.order_networks import SteadyField
from suite.models.regularisers import JacobianNorm, kinetic_energy

_REPORTED_EVERY = 10
_MEASURED = 256  # test points whose common solve is counted and whose paths are measured

Regulariser = Callable[[FlowClassifier, Tensor], RunningLoss]
"""From a model and its initial states to the loss along their paths."""


def regularise(kind: str, settings: RegularisationSettings, meter: Meter) -> None:
    """Train a flow on two spirals with each weight of a regulariser, from the same start, and test it.

    ``relative_nfe`` is the evaluations over those with weight zero, ``accuracy_loss`` the points of accuracy below it.

    Raises:
        FloatingPointError: When a loss is no longer finite.
        ValueError: When the first weight is not zero.
    """
    if settings.weights[0] != 0:
        raise ValueError(f"the first weight is the one compared with, zero, and not {settings.weights[0]}")
    source = TwoSpirals(settings.spirals_noise, settings.spirals_scale)
    x, labels = (each.to(meter.device) for each in source.sample(settings.points, meter.generator("spirals")))
    test = source.sample(settings.test_points, meter.generator("test spirals"))
    points, classes = test[0].to(meter.device), test[1].to(meter.device)
    nfe: dict[float, int] = {}
    first_accuracy = 0.0
    for number, weight in enumerate(settings.weights):
        with meter.initialisation():
            model = _new_classifier(settings).to(meter.device)
        probes = meter.generator(f"probes of weight {number}")
        _train(model, x, labels, _regulariser(kind, probes), weight, settings, meter)
        with torch.no_grad():
            accuracy = 100 * float((model(points).argmax(dim=1) == classes).double().mean())
            batch = points[:_MEASURED]
            states = model.start(batch)
            effort = float(model.with_integral(batch, kinetic_energy)[1])
            squares = float(model.with_integral(batch, JacobianNorm(model.field))[1])
        if number == 0:
            first_accuracy = accuracy
        axes: dict[str, Axis] = {"weight": weight}
        meter.record("accuracy", accuracy, "%", **axes)
        meter.record("accuracy_loss", first_accuracy - accuracy, "points", **axes)
        meter.record("kinetic", effort, "length^2", **axes)
        meter.record("squared_jacobian", squares, "1", **axes)
        for tolerance in settings.test_tolerances:
            with model.block.solved_by("dopri5", rtol=tolerance, atol=tolerance):
                count = model.evaluations(batch)
            nfe.setdefault(tolerance, count)
            meter.record("nfe_at", count, "evaluations", tolerance=tolerance, **axes)
            meter.record("relative_nfe", count / nfe[tolerance], "1", tolerance=tolerance, **axes)
        if number == 0:
            meter.record("test_accuracy", accuracy, "%")
            _record_estimate(model, states[: settings.exact_points], settings, meter)
        meter.progress(number + 1, len(settings.weights), "weights", accuracy=accuracy)


def _new_classifier(settings: RegularisationSettings) -> FlowClassifier:
    state = 2 + settings.spirals_extra
    start = ZeroAugmentation(settings.spirals_extra, first=False)
    return FlowClassifier(start, SteadyField(state, settings.hidden, state), nn.Linear(state, 2), settings.tolerance)


def _regulariser(kind: str, generator: torch.Generator) -> Regulariser:
    if kind == "kinetic":
        return lambda _, __: kinetic_energy

    def jacobian(model: FlowClassifier, states: Tensor) -> RunningLoss:
        return JacobianNorm(model.field, _signs(states, generator))

    return jacobian


def _signs(like: Tensor, generator: torch.Generator, count: int | None = None) -> Tensor:
    """Draw random signs of the shape of a tensor, or that many times it."""
    shape = like.shape if count is None else (count, *like.shape)
    return (2.0 * torch.randint(2, shape, generator=generator) - 1).to(like)


def _train(
    model: FlowClassifier,
    x: Tensor,
    labels: Tensor,
    regulariser: Regulariser,
    weight: float,
    settings: RegularisationSettings,
    meter: Meter,
) -> None:
    """Minimise cross-entropy plus the weighted integral; a weight of zero takes the same path through the code."""
    optimiser = torch.optim.Adam(model.parameters(), lr=settings.learning_rate)
    steps = settings.iterations
    for iteration in meter.resumable_steps(steps, f"weight {weight}", model=model, optimiser=optimiser):
        optimiser.zero_grad()
        scores, integral = model.with_integral(x, regulariser(model, model.start(x)))
        loss = cross_entropy(scores, labels) + weight * integral
        loss.backward()
        optimiser.step()
        if iteration % _REPORTED_EVERY == 0 or iteration == steps - 1:
            value = loss.item()
            if not math.isfinite(value):
                raise FloatingPointError(f"weight {weight}: the loss is {value} at iteration {iteration}")
            meter.record("train_loss", significant(value, 4), "nats", weight=weight, step=iteration)


def _record_estimate(model: FlowClassifier, states: Tensor, settings: RegularisationSettings, meter: Meter) -> None:
    """Record by how many standard errors Hutchinson's estimate of the Jacobian's norm differs from the exact one."""
    time = torch.zeros((), dtype=states.dtype, device=states.device)
    with torch.no_grad():
        derivative = model.field(time, states)
        exact = float(JacobianNorm(model.field)(time, states, derivative))
        probes = _signs(states, meter.generator("estimate"), settings.probes)
        estimates = torch.stack([JacobianNorm(model.field, probe)(time, states, derivative) for probe in probes])
    error = float(estimates.double().std()) / math.sqrt(len(estimates))
    meter.record("hutchinson_ratio", float(estimates.double().mean()) / exact, "1")
    meter.record("hutchinson_deviation", abs(float(estimates.double().mean()) - exact) / error, "1")
