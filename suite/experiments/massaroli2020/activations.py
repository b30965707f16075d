"""Appendix B.2 of Massaroli et al. 2020: what the last activation of a field lets its flow do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from suite.datasets.annuli import Annuli
from suite.datasets.planar_classes import TwoMoons
from suite.declarations import Cell, Experiment, Meter, Profile, Settings, setting
from suite.experiments.massaroli2020.fig3_settings import NOTEBOOK
from suite.experiments.massaroli2020.flow_motion import record_coordinates, record_motion
from suite.experiments.massaroli2020.planar_training import Draw, Training, train
from suite.models import Gradient, ODEBlock
from suite.models.planar_classifiers import PlanarClassifier, perceptron_field

ACTIVATIONS: Mapping[str, type[nn.Module] | None] = {
    "sigmoid": nn.Sigmoid,
    "relu": nn.ReLU,
    "softplus": nn.Softplus,
    "tanh": nn.Tanh,
    "elu": nn.ELU,
    "none": None,
}
"""The last activation by variant; ``none``, a linear last layer, is what the paper advises."""

LOWEST: Mapping[str, float] = {"sigmoid": 0.0, "relu": 0.0, "softplus": 0.0, "tanh": -1.0, "elu": -1.0}
"""The lower bound of each activation, so of every component of the field and of the way that a state goes in depth 1;
a linear last layer has none."""


@dataclass(frozen=True)
class ActivationSettings(Settings):
    """Data, field, training and measurements of appendix B.2; the defaults are the paper profile."""

    annuli_noise: float = setting(0.05, source=f"for each coordinate, before scaling: {NOTEBOOK}")
    moons_noise: float = setting(0.1, ours="for each coordinate; the paper shows toy data without saying which")
    displacement: float = setting(
        2.0,
        ours="of the task `shift`, in which every coordinate is to end that much lower; twice what tanh and ELU reach",
    )
    hidden: int = setting(32, source=f"units of each of two hidden layers with tanh, as of Fig. 3: {NOTEBOOK}")
    method: str = setting("dopri5", source=f"of Fig. 3: {NOTEBOOK}")
    training_tolerance: float = setting(
        1e-5, source=f"of Fig. 3: {NOTEBOOK}; smaller profiles train at 1e-3 and measure as this one does"
    )
    gradient: str = setting(
        "adjoint", source=f"of Fig. 3: {NOTEBOOK}; smaller profiles differentiate through the solver"
    )
    batch_size: int = setting(1024, source=f"fresh points in every iteration, of Fig. 3: {NOTEBOOK}")
    learning_rate: float = setting(
        1e-3, source=f"AdamW, of Fig. 3: {NOTEBOOK}; higher where there are fewer iterations"
    )
    weight_decay: float = setting(1e-6, source=f"AdamW, of Fig. 3: {NOTEBOOK}")
    iterations: int = setting(2000, source=f"of Fig. 3: {NOTEBOOK}")
    checks: int = setting(20, ours="how often the training loss is recorded")
    test_points: int = setting(20_000, ours="fresh points that are never trained on")
    tolerance: float = setting(1e-5, source=f"at which errors are measured, of Fig. 3: {NOTEBOOK}")
    motion_points: int = setting(500, ours="test points whose paths are followed")
    motion_steps: int = setting(400, ours="of rk4 from depth 0 to 1, in double precision, with which they are followed")
    drawn_points: int = setting(10, ours="of these, the paths that are recorded for the figure, with seed 0")


class Activations(Experiment):
    """Errors and the motion of states on annuli and moons, and on a task that asks for a displacement, ``shift``.

    A variant is named after the last activation of its field.
    """

    id = "massaroli2020/activations"
    title = "Appendix B.2: the last activation of a vector field"
    variants = tuple(ACTIVATIONS)
    profiles: ClassVar[Mapping[Profile, Settings]] = {
        "smoke": ActivationSettings(
            training_tolerance=1e-2, gradient="direct", batch_size=32, learning_rate=1e-2, iterations=4, checks=2,
            test_points=200, tolerance=1e-3, motion_points=20, motion_steps=20, drawn_points=2,
        ),
        "quick": ActivationSettings(
            training_tolerance=1e-3, gradient="direct", batch_size=128, learning_rate=1e-2, iterations=60, checks=5,
            test_points=2_000, motion_points=100, motion_steps=100, drawn_points=8,
        ),
        "laptop": ActivationSettings(
            training_tolerance=1e-3, gradient="direct", batch_size=256, learning_rate=5e-3, iterations=400,
            motion_points=200, motion_steps=200,
        ),
        "paper": ActivationSettings(),
    }  # fmt: skip
    headline = "test_mse_mean"
    paper_cost = (
        "estimated, not measured: 1.5 GPU-hours for all variants of one seed on an H200: three tasks of 2,000 "
        "iterations and some 150 evaluations each, limited by launches"
    )

    def run(self, cell: Cell, meter: Meter) -> None:
        """Train a field with one last activation on each task, and measure errors and motion."""
        settings = ActivationSettings.of(cell.settings)
        errors = [_classify(name, draw, cell, meter) for name, draw in _classes(settings).items()]
        meter.record("test_mse_mean", sum(errors) / len(errors), "1")
        _shift(cell, meter)


def shift_floor(variant: str, displacement: float) -> float:
    """Return the least root mean square error of a task to lower every coordinate by a displacement in depth 1."""
    return max(0.0, displacement + LOWEST[variant]) if variant in LOWEST else 0.0


def _classes(settings: ActivationSettings) -> dict[str, Draw]:
    annuli, moons = Annuli(noise=settings.annuli_noise), TwoMoons(settings.moons_noise)

    def labelled_moons(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        points, labels = moons.sample(count, generator)
        return points, labels.to(points.dtype)

    return {"annuli": annuli.sample, "moons": labelled_moons}


def _classify(name: str, draw: Draw, cell: Cell, meter: Meter) -> float:
    """Train and measure a classifier; return its mean squared error."""
    settings = ActivationSettings.of(cell.settings)
    points, labels = (
        each.to(meter.device) for each in draw(settings.test_points, meter.generator(f"test points of {name}"))
    )
    with meter.initialisation():
        model = PlanarClassifier(nn.Identity(), _block(cell.variant, settings), nn.Linear(2, 1)).to(meter.device)
    train(model, draw, meter.generator(f"training points of {name}"), _training(settings), meter, data=name)
    predicted = model.predictions(points, settings.tolerance)
    mse = float((predicted - labels).square().mean())
    meter.record("test_mse", mse, "1", data=name)
    wrong = int(((predicted > 0.5) != (labels > 0.5)).sum())
    meter.record("test_accuracy", 100 * (1 - wrong / len(labels)), "%", data=name)
    _measure_motion(model.field, points, name, cell, meter)
    return mse


def _shift(cell: Cell, meter: Meter) -> None:
    """Train a flow to lower every coordinate by the displacement, and record how near it comes."""
    settings = ActivationSettings.of(cell.settings)
    annuli = Annuli(noise=settings.annuli_noise)

    def draw(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        points, _ = annuli.sample(count, generator)
        return points, points - settings.displacement

    points, targets = (each.to(meter.device) for each in draw(settings.test_points, meter.generator("test of shift")))
    with meter.initialisation():
        block = _block(cell.variant, settings).to(meter.device)
    train(block, draw, meter.generator("training of shift"), _training(settings), meter, data="shift")
    with torch.no_grad(), block.solved_by("dopri5", rtol=settings.tolerance, atol=settings.tolerance):
        error = float((block(points) - targets).square().mean().sqrt())
    meter.record("shift_error", error, "length")
    meter.record("shift_floor", shift_floor(cell.variant, settings.displacement), "length")
    _measure_motion(block.counted.vector_field, points, "shift", cell, meter)


def _measure_motion(field: object, points: Tensor, name: str, cell: Cell, meter: Meter) -> None:
    if not isinstance(field, nn.Module):
        raise TypeError("the field of a block is a module")
    settings = ActivationSettings.of(cell.settings)
    some = points[:: max(1, len(points) // settings.motion_points)]
    record_motion(field, some, settings.motion_steps, meter, data=name)
    if cell.seed == 0:
        record_coordinates(field, points[:: len(points) // settings.drawn_points], settings.tolerance, meter, data=name)


def _block(variant: str, settings: ActivationSettings) -> ODEBlock:
    gradient: Gradient = "direct" if settings.gradient == "direct" else "adjoint"
    # Not at zero at first: a rectifier at zero has no gradient.
    field = perceptron_field(2, 2, (settings.hidden, settings.hidden), last_activation=ACTIVATIONS[variant])
    return ODEBlock(
        field,
        method=settings.method,
        rtol=settings.training_tolerance,
        atol=settings.training_tolerance,
        gradient=gradient,
    )


def _training(settings: ActivationSettings) -> Training:
    return Training(
        settings.iterations, settings.batch_size, settings.learning_rate, settings.weight_decay, settings.checks
    )
