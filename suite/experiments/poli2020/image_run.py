"""What the experiments on MNIST and on CIFAR-10 share: their variants, and one cell of either."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from suite.datasets import ImageClassification
from suite.declarations import Cell, Meter, ModelSpec, Settings
from suite.experiments.poli2020.image_correction import fit_correction, new_correction
from suite.experiments.poli2020.image_data import prepared
from suite.experiments.poli2020.image_errors import classes_of, terminal_error
from suite.experiments.poli2020.image_measures import (
    Errors,
    record_crossover,
    record_depth,
    record_errors,
    record_times,
    step_counts,
)
from suite.experiments.poli2020.image_methods import CLASSICAL, HYPER, Stepping, classical
from suite.experiments.poli2020.image_problem import ImageProblem, image_problem
from suite.experiments.poli2020.image_settings import ImageSettings
from suite.experiments.poli2020.image_sizes import operations_of, record_sizes
from suite.experiments.poli2020.image_training import new_classifier, train_classifier
from suite.experiments.throughput import throughput_of
from suite.models import ODEBlock
from suite.solvers.hyper import Hypersolver

NODE = "node"
_WITH_MAPS = ("euler", "midpoint", HYPER)
_OWN_BATCH = 16
"""Images of the batch on which the released notebooks print the evaluations of dopri5."""


VARIANTS = (NODE, *CLASSICAL, HYPER)
"""``node`` trains the classifier that all others use; ``hyper-euler`` fits a correction, which is kept too."""


def needed(cell: Cell) -> Sequence[ModelSpec]:
    """Return what a cell needs: every method solves the trained classifier."""
    return () if cell.variant == NODE else [ModelSpec(cell.experiment, NODE)]


def untrained(cell: Cell) -> nn.Module:
    """Return the untrained classifier, or the untrained correction."""
    settings = ImageSettings.of(cell.settings)
    return new_correction(settings) if cell.variant == HYPER else new_classifier(settings)


def run_cell(cell: Cell, meter: Meter, images: ImageClassification, published: Settings) -> None:
    """Train the classifier, or measure one method on it.

    Args:
        cell: The cell.
        meter: Where to record.
        images: The images as they are published.
        published: The settings of the paper profile, whose networks are counted too.
    """
    settings = ImageSettings.of(cell.settings)
    data = prepared(images, settings, meter)
    if cell.variant == NODE:
        record_sizes(settings, images.test_images.shape[-1], meter)
        record_sizes(ImageSettings.of(published), images.test_images.shape[-1], meter, "_published")
        _train(data, settings, meter)
        return
    problem = image_problem(meter.trained(ModelSpec(cell.experiment, NODE)), data, settings)
    stepping = _stepping(cell.variant, problem, data, settings, meter)
    errors = record_errors(stepping, problem, settings, meter)
    record_times(stepping, problem, settings, meter)
    record_depth(stepping, problem, meter, with_map=cell.seed == 0 and cell.variant in _WITH_MAPS)
    if cell.variant == HYPER:
        _record_crossovers((stepping, errors), problem, settings, meter)


def _record_crossovers(
    own: tuple[Stepping, Errors], problem: ImageProblem, settings: ImageSettings, meter: Meter
) -> None:
    for name in CLASSICAL:
        rival = classical(name)
        counts = step_counts(rival, settings)
        found = {steps: terminal_error(problem.solved(rival.method, steps), problem.ends) for steps in counts}
        record_crossover(own, (rival, found), settings, meter)


def _train(data: ImageClassification, settings: ImageSettings, meter: Meter) -> None:
    throughput = throughput_of(settings)
    with meter.initialisation():
        model = throughput.placed(new_classifier(settings), meter.device)
    with throughput.passes_of(model):
        train_classifier(model, data, settings, meter)
    meter.keep(model)
    _record_own_solver(model, image_problem(model, data, settings), data, settings, meter)


@torch.no_grad()
def _record_own_solver(
    model: nn.Module, problem: ImageProblem, data: ImageClassification, settings: ImageSettings, meter: Meter
) -> None:
    """Record what the classifier's own solver needs and how accurate it is."""
    block = getattr(model, "body", None)
    if not isinstance(block, ODEBlock):
        raise TypeError("the classifier has a Neural ODE")
    block.reset_counts()
    block(problem.starts[:_OWN_BATCH])
    meter.record("own_nfe", block.nfe_forward, "evaluations")
    found = torch.cat([block(part) for part in problem.starts.split(settings.test_batch_size)])
    error = terminal_error(found, problem.ends)
    meter.record("own_relative_l2_error", error.relative_l2, "1")
    meter.record("own_mean_relative_error", error.mean_relative, "1")
    own, exact = classes_of(problem.head, found), classes_of(problem.head, problem.ends)
    for name, classes in (("own_accuracy", own), ("exact_accuracy", exact)):
        meter.record(name, 100 * float((classes == problem.labels).double().mean()), "%")
    meter.record("test_size", len(data.test_labels), "images")


def _stepping(
    variant: str, problem: ImageProblem, data: ImageClassification, settings: ImageSettings, meter: Meter
) -> Stepping:
    """Return a method; the correction of a hypersolver is fitted and kept first."""
    if variant != HYPER:
        return classical(variant)
    with meter.initialisation():
        correction = new_correction(settings).to(meter.device)
    hypersolver = Hypersolver("euler", correction)
    fit_correction(hypersolver, problem.field, problem.augmentation, data.train_images, settings, meter)
    meter.keep(correction)
    operations = operations_of(problem.field, correction, problem.starts[:1], meter)
    return Stepping(HYPER, hypersolver, operations.overhead)
