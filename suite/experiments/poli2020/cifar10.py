"""CIFAR-10, section 4.1 of Poli et al. 2020, apart from MNIST so that a machine without CIFAR-10 runs that half."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from torch import nn

from suite.declarations import Cell, Experiment, Meter, ModelSpec, Profile, Settings
from suite.experiments.poli2020.image_run import VARIANTS, needed, run_cell, untrained
from suite.experiments.poli2020.image_settings import Cifar10PaperSettings, Cifar10Settings, all_profiles


class Cifar10(Experiment):
    """HyperEuler, Euler, midpoint, Heun, both RK4 and AB2 on a classifier of CIFAR-10."""

    id = "poli2020/cifar10"
    title = "Section 4.1: HyperEuler on a classifier of CIFAR-10"
    variants = VARIANTS
    # One evaluation of g costs 0.69 of the field's; 0.66 at the published size.
    profiles: ClassVar[Mapping[Profile, Settings]] = all_profiles(
        Cifar10PaperSettings(), Cifar10Settings(), (8, 20, 13), train_images=4_000, epochs=3, test_images=500
    )
    datasets = ("cifar10",)
    headline = "relative_l2_error"
    paper_cost = (
        "estimated, not measured: 4 to 6 GPU-hours on an H200 for one seed, most of it the training of the classifier"
    )

    def needs(self, cell: Cell) -> Sequence[ModelSpec]:
        """Every method solves the trained classifier."""
        return needed(cell)

    def build_model(self, cell: Cell) -> nn.Module:
        """Return the untrained classifier, or the untrained correction."""
        return untrained(cell)

    def run(self, cell: Cell, meter: Meter) -> None:
        """Train the classifier, or measure one method on it."""
        run_cell(cell, meter, meter.dataset("cifar10"), self.profiles["paper"])
