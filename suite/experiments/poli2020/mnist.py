"""MNIST, section 4.1 of Poli et al. 2020: HyperEuler on an image classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from torch import nn

from suite.declarations import Cell, Experiment, Meter, ModelSpec, Profile, Settings
from suite.experiments.poli2020.image_run import VARIANTS, needed, run_cell, untrained
from suite.experiments.poli2020.image_settings import ImageSettings, PaperSettings, all_profiles


class Mnist(Experiment):
    """HyperEuler, Euler, midpoint, Heun, both RK4 and AB2 on a classifier of MNIST."""

    id = "poli2020/mnist"
    title = "Section 4.1: HyperEuler on a classifier of MNIST"
    variants = VARIANTS
    # One evaluation of g costs 0.79 of the field's; 0.82 at the published size.
    profiles: ClassVar[Mapping[Profile, Settings]] = all_profiles(
        PaperSettings(), ImageSettings(), (8, 12, 8), train_images=6_000, epochs=3, test_images=1_000
    )
    datasets = ("mnist",)
    headline = "relative_l2_error"
    paper_cost = (
        "estimated, not measured: 3 to 5 GPU-hours on an H200 for one seed, most of it the training of the classifier"
    )

    def needs(self, cell: Cell) -> Sequence[ModelSpec]:
        """Every method solves the trained classifier."""
        return needed(cell)

    def build_model(self, cell: Cell) -> nn.Module:
        """Return the untrained classifier, or the untrained correction."""
        return untrained(cell)

    def run(self, cell: Cell, meter: Meter) -> None:
        """Train the classifier, or measure one method on it."""
        run_cell(cell, meter, meter.dataset("mnist"), self.profiles["paper"])
