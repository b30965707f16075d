"""Figure 1 of Massaroli et al. 2020: moons and spirals classified by fields whose parameters vary with depth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from torch import Tensor

from suite.datasets.planar_classes import PlanarClasses
from suite.declarations import Cell, Experiment, Meter, Meters, Profile, Settings
from suite.experiments.massaroli2020.fig1_measurements import TrainedOn
from suite.experiments.massaroli2020.fig1_network import DepthClassifier
from suite.experiments.massaroli2020.fig1_settings import Fig1Settings
from suite.experiments.massaroli2020.fig1_training import Task, train, train_together
from suite.models import parameter_count
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
        settings = Fig1Settings.of(cell.settings)
        for data, (classes, iterations) in settings.data_sets().items():
            task = _begin(cell, classes, data, iterations, meter)
            train(task, meter)
            _measure(cell, classes, task, meter)

    def goes_together(self, cell: Cell) -> bool:
        """Return that every variant does: the training takes equal steps, the same for all seeds."""
        del cell
        return True

    def run_together(self, cells: Sequence[Cell], meters: Meters) -> None:
        """Train the fields of all seeds at once on each data set, then measure each by itself."""
        pairs = list(zip(cells, meters.each, strict=True))
        for data, (classes, iterations) in Fig1Settings.of(cells[0].settings).data_sets().items():
            tasks = [_begin(cell, classes, data, iterations, meter) for cell, meter in pairs]
            train_together(tasks, meters)
            for (cell, meter), task in zip(pairs, tasks, strict=True):
                _measure(cell, classes, task, meter)


def _begin(cell: Cell, classes: PlanarClasses, data: str, iterations: int, meter: Meter) -> Task:
    settings = Fig1Settings.of(cell.settings)
    classifier = _new_classifier(cell.variant, settings, meter)
    meter.record("parameters", parameter_count(classifier.field), "1", data=data)
    points, labels = _points(classes, settings.points, f"training {data}", meter)
    return Task(classifier, points, labels, data, iterations, settings)


def _measure(cell: Cell, classes: PlanarClasses, task: Task, meter: Meter) -> None:
    settings = task.settings
    test = _points(classes, settings.test_points, f"test {task.data}", meter)
    trained = TrainedOn(task.classifier, *test, task.data, settings, meter)
    trained.record_accuracy()
    trained.record_depth_variance()
    if cell.variant in GALERKIN:
        trained.record_stacked_limit()
    if cell.seed == 0:
        trained.record_pictures()


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
