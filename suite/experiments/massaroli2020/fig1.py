"""Figure 1 of Massaroli et al. 2020: moons and spirals classified by fields whose parameters vary with depth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from suite.datasets.planar_classes import PlanarClasses
from suite.declarations import Cell, Experiment, Meter, Profile, Settings
from suite.experiments.massaroli2020.fig1_measurements import TrainedOn
from suite.experiments.massaroli2020.fig1_network import DepthClassifier, accuracy
from suite.experiments.massaroli2020.fig1_settings import Fig1Settings
from suite.models import parameter_count
from suite.models.graphed_step import GraphedStep
from suite.models.two_layer_fields import Dependence, two_layer_field

FIELDS: dict[str, Dependence] = {
    "vanilla": "constant",
    "depth-concatenated": "concatenated",
    "resnet": "stacked",
    "stacked-20": "stacked",
    "polynomial": "monomials",
    "chebyshev": "chebyshev",
    "fourier": "fourier",
}
"""Each variant's dependence on depth."""
GALERKIN = ("polynomial", "chebyshev", "fourier")
_REPORTED_EVERY = 20  # iterations between two looks at the loss, each of which waits for the device


class Fig1(Experiment):
    """Test accuracy, evaluations and depth variance of two-layer fields that differ in how parameters vary with depth.

    The state at the end of depth holds the two class scores. ``resnet`` is a stack of residual layers
    ``z + f_i(z) / layers``: the stacked field with one step of Euler in every piece.
    """

    id = "massaroli2020/fig1"
    title = "Figure 1: depth-varying parameters, stacked and Galerkin, on moons and spirals"
    variants = tuple(FIELDS)
    profiles: ClassVar[Mapping[Profile, Settings]] = {
        "smoke": Fig1Settings(
            points=32, hidden=6, pieces=5, steps=5, moons_iterations=2, spirals_iterations=2, test_points=100,
            tolerances=(1e-2, 1e-3), stacked_pieces=(5, 10), stacked_points=4, stacked_steps=10, drawn_points=4,
            drawn_depths=5,
        ),
        "quick": Fig1Settings(
            points=128, hidden=16, steps=20, learning_rate=3e-2, moons_iterations=10, spirals_iterations=15,
            test_points=500, tolerances=(1e-4,), stacked_pieces=(40, 80, 160), stacked_points=20, stacked_steps=160,
        ),
        "laptop": Fig1Settings(
            steps=20, learning_rate=3e-2, moons_iterations=120, spirals_iterations=300, test_points=4_000,
            stacked_pieces=(40, 80, 160), stacked_steps=160,
        ),
        "paper": Fig1Settings(),
    }  # fmt: skip
    headline = "test_error"
    paper_cost = (
        "estimated, not measured: half a GPU-hour for all variants of one seed on an H200, from evaluations counted on "
        "a CPU; all of it is the host's, as the fields are tiny"
    )

    def run(self, cell: Cell, meter: Meter) -> None:
        """Train one field on each data set, then measure what it has learned on fresh points."""
        settings = _settings(cell)
        for data, (classes, iterations) in settings.data_sets().items():
            classifier = _new_classifier(cell.variant, settings, meter)
            meter.record("parameters", parameter_count(classifier.field), "1", data=data)
            training = _points(classes, settings.points, f"training {data}", meter)
            _train(classifier, *training, iterations, settings, meter, data)
            test = _points(classes, settings.test_points, f"test {data}", meter)
            trained = TrainedOn(classifier, *test, data, settings, meter)
            trained.record_accuracy()
            trained.record_depth_variance()
            if cell.variant in GALERKIN:
                trained.record_stacked_limit()
            if cell.seed == 0:
                trained.record_pictures()


def _settings(cell: Cell) -> Fig1Settings:
    if not isinstance(cell.settings, Fig1Settings):
        raise TypeError(f"{cell.name} has settings of {type(cell.settings).__name__}, not Fig1Settings")
    return cell.settings


def _points(classes: PlanarClasses, count: int, stream: str, meter: Meter) -> tuple[Tensor, Tensor]:
    points, labels = classes.sample(count, meter.generator(stream))
    return points.to(meter.device), labels.to(meter.device)


def _new_classifier(variant: str, settings: Fig1Settings, meter: Meter) -> DepthClassifier:
    with meter.initialisation():
        field = two_layer_field(
            FIELDS[variant],
            2,
            settings.hidden,
            degree=settings.degree,
            harmonics=settings.harmonics,
            pieces=settings.pieces,
        ).to(meter.device)
    if variant == "resnet":
        return DepthClassifier(field, "euler", settings.pieces, discrete=True)
    return DepthClassifier(field, settings.method, settings.steps, discrete=False)


def _train(
    classifier: DepthClassifier,
    points: Tensor,
    labels: Tensor,
    iterations: int,
    settings: Fig1Settings,
    meter: Meter,
    data: str,
) -> None:
    """Minimise the cross-entropy of the state at the end of depth with Adam, all points in one batch.

    Raises:
        FloatingPointError: When the loss is no longer finite.
    """
    optimiser = torch.optim.Adam(classifier.field.parameters(), lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimiser, iterations, eta_min=settings.learning_rate * settings.final_learning_rate
    )

    def losses() -> tuple[Tensor, Tensor]:
        found = classifier.scores(points)
        return functional.cross_entropy(found, labels), found

    step = GraphedStep(losses, optimiser)
    with meter.wall_time() as elapsed:
        for iteration in meter.resumable_steps(
            iterations, data, model=classifier.field, optimiser=optimiser, schedule=schedule
        ):
            loss, scores = step()
            schedule.step()
            if iteration % _REPORTED_EVERY == 0 or iteration == iterations - 1:
                value = loss.item()
                if not math.isfinite(value):
                    raise FloatingPointError(f"training diverged: the loss is {value} at iteration {iteration}")
                meter.record("train_loss", value, "nats", data=data, iteration=iteration)
                meter.progress(iteration + 1, iterations, f"iterations on {data}", loss=value)
    meter.record("train_accuracy", accuracy(scores, labels), "%", data=data)
    meter.record("train_seconds", elapsed.value, "s", data=data)
