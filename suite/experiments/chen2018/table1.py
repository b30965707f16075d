"""Table 1 of Chen et al. 2018: ODE-Net and RK-Net against a residual network on MNIST."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from contextlib import ExitStack
from typing import ClassVar

import torch
from torch import nn

from suite.declarations import Cell, Experiment, Meter, Profile, Settings
from suite.experiments.chen2018.table1_depths import measure_depths
from suite.experiments.chen2018.table1_networks import adams, network, ode_block
from suite.experiments.chen2018.table1_settings import Table1PaperSettings, Table1Settings
from suite.experiments.chen2018.table1_training import train
from suite.experiments.solver_choice import SolverChoice
from suite.experiments.solver_grid import measure_solver_grid
from suite.experiments.throughput import throughput_of
from suite.experiments.unconverged import unconverged_solves
from suite.models import parameter_count


class Table1(Experiment):
    """Test error, parameters, memory and time of ODE-Net and RK-Net against a ResNet, with controls.

    ``resnet-1``, ``no-block`` and ``euler-1`` show what the stem and the head reach with one residual block, with
    nothing, and with a single Euler step of the ODE-Net's field in place of the solve. ``ode-net-vode`` is trained with
    the solver that the paper used, VODE's Adams method by functional iteration; ``ode-net-adams`` with our implicit
    Adams method of fixed steps. ``euler-4`` and ``rk4-2`` take 4 and 2 steps of a fixed size. Each network with an ODE
    is tested, after training, with every solver of the grid, coarser and finer than its own.
    """

    id = "chen2018/table1"
    title = "Table 1: ODE-Net and RK-Net against a residual network on MNIST"
    variants = (
        "mlp",
        "resnet",
        "resnet-1",
        "no-block",
        "euler-1",
        "euler-4",
        "rk4-2",
        "rk-net",
        "ode-net-adams",
        "ode-net-vode",
        "ode-net",
    )
    profiles: ClassVar[Mapping[Profile, Settings]] = {
        "smoke": Table1Settings(
            train_images=48,
            test_images=50,
            channels=8,  # fewer crash on AVX2: the gradient of a strided 1x1 convolution, channels last, in torch 2.13
            epochs=2,
            batch_size=16,
            decay_epochs=(1,),
            probe_blocks=(1, 2),
            probe_tolerances=(1e-1, 1e-3),
            probe_repeats=1,
            grid_images=50,
            grid_euler_steps=(1, 2),
            grid_rk4_steps=(1,),
            grid_adams_steps=(4,),
            grid_dopri5_tolerances=(1e-1, 1e-4),
            grid_vode_tolerances=(1e-1,),
        ),
        "quick": Table1Settings(
            train_images=640,
            test_images=500,
            crop_padding=0,
            channels=16,
            epochs=2,
            batch_size=16,
            decay_epochs=(2,),
            probe_repeats=2,
            grid_images=200,
            grid_dopri5_tolerances=(1e-1, 1e-3, 1e-5),
        ),
        "laptop": Table1Settings(
            train_images=10_000,
            channels=16,
            epochs=3,
            batch_size=32,
            decay_epochs=(2,),
            probe_repeats=3,
            grid_images=2_000,
        ),
        "paper": Table1PaperSettings(),
    }
    datasets = ("mnist",)
    headline = "test_error_last"
    alone = ("resnet", "rk-net", "ode-net")
    paper_cost = (
        "estimated, not measured: 8 to 14 GPU-hours on an H200 for one seed of all variants but ode-net-vode, and 15 "
        "to 30 for that one: VODE steps on the host, so that every evaluation waits for a copy in both directions; "
        "ode-net-adams waits once for every iteration of its implicit equation"
    )

    def build_model(self, cell: Cell) -> nn.Module:
        """Return the network of a cell's variant at its settings."""
        return network(cell.variant, Table1Settings.of(cell.settings))

    def run(self, cell: Cell, meter: Meter) -> None:
        """Train and test one network, then measure a training step against its depth, and every solver in testing."""
        settings = Table1Settings.of(cell.settings)
        some = meter.dataset("mnist").first(settings.train_images, settings.test_images, meter.device)
        data = some.with_images(throughput_of(settings).laid_out)
        model = self._fresh(cell, settings, meter)
        self._count_parameters(cell, model, meter)
        meter.record("test_size", len(data.test_labels), "images")
        with ExitStack() as passes:
            passes.enter_context(throughput_of(settings).passes_of(model))
            train(model, data, settings, meter)
            # Cloned, so that what autograd keeps is one batch and not the storage of the whole training set.
            images, labels = data.train_images[: settings.batch_size].clone(), data.train_labels[: settings.batch_size]

            def fresh(changed: Table1Settings) -> nn.Module:
                network = self._fresh(cell, changed, meter)
                passes.enter_context(throughput_of(settings).passes_of(network))
                return network

            with unconverged_solves():  # which training counts
                measure_depths(cell.variant, model, images, labels, settings=settings, fresh=fresh, meter=meter)
        block = ode_block(model)
        if block is not None:
            measure_solver_grid(
                model,
                block,
                data.test_images[: settings.grid_images],
                data.test_labels[: settings.grid_images],
                solvers=grid_solvers(settings),
                batch_size=settings.test_batch_size,
                meter=meter,
            )
        meter.keep(model)

    def _fresh(self, cell: Cell, settings: Table1Settings, meter: Meter) -> nn.Module:
        with meter.initialisation():
            return throughput_of(settings).placed(network(cell.variant, settings), meter.device)

    def _count_parameters(self, cell: Cell, model: nn.Module, meter: Meter) -> None:
        """Record the parameters of this network, and of those of the paper profile with both stems of the re-do."""
        meter.record("parameters", parameter_count(model), "1")
        published = Table1Settings.of(self.profiles["paper"])
        # Counted on the meta device, where a network of any size takes neither time nor memory.
        with torch.device("meta"):
            meter.record("parameters_published", parameter_count(network(cell.variant, published)), "1")
            if cell.variant != "mlp":
                other = dataclasses.replace(published, stem="conv")
                meter.record("parameters_conv_stem", parameter_count(network(cell.variant, other)), "1")


def grid_solvers(settings: Table1Settings) -> list[SolverChoice]:
    """Return the solvers that trained networks are tested with, coarse to fine within each method."""
    tolerance = settings.tolerance
    return [
        *(SolverChoice("euler", tolerance, steps=steps) for steps in settings.grid_euler_steps),
        *(SolverChoice("rk4", tolerance, steps=steps) for steps in settings.grid_rk4_steps),
        *(adams(settings, steps) for steps in settings.grid_adams_steps),
        *(SolverChoice("vode_adams", each) for each in settings.grid_vode_tolerances),
        *(SolverChoice("dopri5", each) for each in settings.grid_dopri5_tolerances),
    ]
