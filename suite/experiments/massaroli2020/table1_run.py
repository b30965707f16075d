"""One cell of Table 1, whichever data set it is on."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from suite.datasets import ImageClassification
from suite.declarations import Cell, Meter, Settings
from suite.experiments.massaroli2020.table1_networks import network, ode_block
from suite.experiments.massaroli2020.table1_settings import Table1Settings
from suite.experiments.massaroli2020.table1_training import train
from suite.experiments.normalised_images import pooled_and_normalised
from suite.experiments.solver_choice import SolverChoice
from suite.experiments.solver_grid import measure_solver_grid
from suite.experiments.throughput import throughput_of
from suite.models import ODEBlock, parameter_count


def run_cell(cell: Cell, meter: Meter, data: ImageClassification, published: Settings) -> None:
    """Train one network, count its parameters and evaluations, and test it with other solvers.

    Args:
        cell: The cell.
        meter: Where to record.
        data: The images as they are published.
        published: The settings of the paper profile, whose parameters are counted too.
    """
    settings = Table1Settings.of(cell.settings)
    throughput = throughput_of(settings)
    prepared = prepare(data, settings, meter.device)
    with meter.initialisation():
        model = throughput.placed(network(cell.variant, settings), meter.device)
    meter.record("parameters", parameter_count(model), "1")
    # Counted on the meta device, where a network of any size takes neither time nor memory.
    with torch.device("meta"):
        meter.record("parameters_published", parameter_count(network(cell.variant, Table1Settings.of(published))), "1")
    meter.record("test_size", len(prepared.test_labels), "images")
    block = ode_block(model)
    with throughput.passes_of(model):
        if block is not None:
            meter.record("nfe_untrained", _evaluations(model, block, prepared.train_images, settings), "evaluations")
        train(model, prepared, settings, meter)
    if block is not None:
        measure_solver_grid(
            model,
            block,
            prepared.test_images[: settings.retest_images],
            prepared.test_labels[: settings.retest_images],
            solvers=retest_solvers(settings),
            batch_size=settings.test_batch_size,
            meter=meter,
        )
    meter.keep(model)


def retest_solvers(settings: Table1Settings) -> list[SolverChoice]:
    """Return the solvers of the retest: one Euler step, a fixed grid of another method, and a tighter tolerance.

    After Ott et al. 2021, "ResNet after all?": a network that depends on the solver of its training is no Neural ODE.
    """
    return [
        SolverChoice("euler", settings.tolerance, steps=1),
        SolverChoice("rk4", settings.tolerance, steps=settings.retest_rk4_steps),
        SolverChoice("dopri5", settings.tolerance / settings.retest_factor),
    ]


def prepare(data: ImageClassification, settings: Table1Settings, device: torch.device) -> ImageClassification:
    """Return as many of the first images as the settings ask for and there are, pooled and normalised."""

    def ready(images: Tensor) -> Tensor:
        pooled = pooled_and_normalised(images, settings.pooling, settings.pixel_means, settings.pixel_deviations)
        return throughput_of(settings).laid_out(pooled)

    return data.first(settings.train_images, settings.test_images, device).with_images(ready)


@torch.no_grad()
def _evaluations(model: nn.Module, block: ODEBlock, images: Tensor, settings: Table1Settings) -> int:
    """Return the evaluations of one forward solve of the first training minibatch."""
    block.reset_counts()
    model(images[: settings.batch_size])
    return block.nfe_forward
