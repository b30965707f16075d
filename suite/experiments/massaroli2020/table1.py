"""Table 1 of Massaroli et al. 2020 on MNIST: what augmentation does to accuracy, evaluations and parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import nn

from suite.declarations import Cell, Experiment, Meter, Profile, Settings
from suite.experiments.massaroli2020.table1_networks import VARIANTS, network
from suite.experiments.massaroli2020.table1_run import run_cell
from suite.experiments.massaroli2020.table1_settings import Table1PaperSettings, Table1Settings, small_profiles


class Table1(Experiment):
    """Neural ODE, zero augmentation, input layer and second order on MNIST, with controls of what else differs.

    The architectures are those of the released CIFAR-10 notebooks on one input channel, without a backbone. What
    each control isolates is told where they are built, in ``table1_networks``.
    """

    id = "massaroli2020/table1"
    title = "Table 1: augmentation of Neural ODEs on MNIST"
    variants = VARIANTS
    profiles: ClassVar[Mapping[Profile, Settings]] = {
        **small_profiles(Table1Settings(), smoke_channels=4),
        "laptop": Table1Settings(
            train_images=4_800,
            test_images=2_000,
            pooling=4,
            node_hidden=12,
            channels=8,
            tolerance=1e-3,
            epochs=8,  # after 3, every network was still learning fast, so that rows told speeds of learning apart
            decay_every=2,
            retest_images=1_000,
        ),
        "paper": Table1PaperSettings(),
    }
    seeds: ClassVar[Mapping[Profile, int]] = {"smoke": 1, "quick": 1, "laptop": 3, "paper": 5}
    datasets = ("mnist",)
    headline = "test_accuracy_last"
    paper_cost = (
        "estimated, not measured: 3 to 6 GPU-hours on an H200 for one seed of all variants, 20 to 40 minutes for each "
        "network with an ODE: 18,740 steps of about 100 evaluations forwards and 120 backwards, bound by launches"
    )

    def build_model(self, cell: Cell) -> nn.Module:
        """Return the network of a cell's variant at its settings."""
        return network(cell.variant, Table1Settings.of(cell.settings))

    def run(self, cell: Cell, meter: Meter) -> None:
        """Train one network, count its parameters and evaluations, and test it with other solvers."""
        run_cell(cell, meter, meter.dataset("mnist"), self.profiles["paper"])
