"""Table 1 of Massaroli et al. 2020 on CIFAR-10, apart from MNIST so that a machine without CIFAR-10 runs that half."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import nn

from suite.declarations import Cell, Experiment, Meter, Profile, Settings
from suite.experiments.massaroli2020.table1_networks import VARIANTS, network
from suite.experiments.massaroli2020.table1_run import run_cell
from suite.experiments.massaroli2020.table1_settings import (
    Table1Cifar10PaperSettings,
    Table1Cifar10Settings,
    Table1Settings,
    small_profiles,
)


class Table1Cifar10(Experiment):
    """Neural ODE, zero augmentation, input layer and second order on CIFAR-10, with controls of what else differs.

    The architectures are exactly those of the released notebooks, parameter for parameter. The laptop profile
    counts their parameters and shows what small networks do with small photographs; nothing trained is judged by it.
    """

    id = "massaroli2020/table1-cifar10"
    title = "Table 1: augmentation of Neural ODEs on CIFAR-10"
    variants = VARIANTS
    profiles: ClassVar[Mapping[Profile, Settings]] = {
        **small_profiles(Table1Cifar10Settings(), smoke_channels=6),
        "laptop": Table1Cifar10Settings(
            train_images=2_400,
            test_images=1_000,
            pooling=4,
            node_hidden=16,
            channels=12,
            tolerance=1e-3,
            epochs=4,
            decay_every=1,
            retest_images=500,
        ),
        "paper": Table1Cifar10PaperSettings(),
    }
    seeds: ClassVar[Mapping[Profile, int]] = {"smoke": 1, "quick": 1, "laptop": 3, "paper": 5}
    datasets = ("cifar10",)
    headline = "test_accuracy_last"
    paper_cost = (
        "estimated, not measured: 4 to 8 GPU-hours on an H200 for one seed of all variants, 25 to 60 minutes for each "
        "network with an ODE: 15,620 steps of 60 to 180 evaluations forwards and a few more backwards"
    )

    def build_model(self, cell: Cell) -> nn.Module:
        """Return the network of a cell's variant at its settings."""
        return network(cell.variant, Table1Settings.of(cell.settings))

    def run(self, cell: Cell, meter: Meter) -> None:
        """Train one network, count its parameters and evaluations, and test it with other solvers."""
        run_cell(cell, meter, meter.dataset("cifar10"), self.profiles["paper"])
