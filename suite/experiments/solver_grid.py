"""A trained ODE network tested with every solver, coarse and fine: the row of a train-solver x test-solver grid."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from suite.declarations import Meter
from suite.experiments.solver_choice import SolverChoice
from suite.experiments.unconverged import unconverged_solves
from suite.models import ODEBlock


def measure_solver_grid(
    model: nn.Module,
    block: ODEBlock,
    images: Tensor,
    labels: Tensor,
    *,
    solvers: Sequence[SolverChoice],
    batch_size: int,
    meter: Meter,
) -> None:
    """Record test error, mean cross-entropy and evaluations of a trained network under each solver.

    ``grid_change`` is by how many points the error differs from that on the same images under the solver that the
    network was trained with, so that what a solver changes is not hidden by the sampling error of the test set. The
    weights stay as they are. A solver that leaves the finite numbers gives a loss that is not finite, which is
    recorded as it is: that is what such a solver does to such a network.

    Args:
        model: The trained classifier.
        block: Its block of continuous depth.
        images: Test images, shape ``[n, channels, height, width]``.
        labels: Their classes, shape ``[n]``.
        solvers: What to test with.
        batch_size: Images in a batch; all images of a batch share solver steps.
        meter: Where to record.
    """
    meter.record("grid_size", len(labels), "images")
    with unconverged_solves():
        trained_error, trained_loss = error_and_loss(model, images, labels, batch_size)
    meter.record("grid_trained_error", trained_error, "%")
    meter.record("grid_trained_loss", trained_loss, "nats")
    for solver in solvers:
        block.reset_counts()
        with solver.in_place_of(block), unconverged_solves() as unconverged:
            error, loss = error_and_loss(model, images, labels, batch_size)
        batches = -(-len(labels) // batch_size)
        meter.record("grid_error", error, "%", **solver.axes)
        meter.record("grid_change", error - trained_error, "points", **solver.axes)
        meter.record("grid_loss", loss, "nats", **solver.axes)
        meter.record("grid_unconverged", unconverged.solves / batches, "solves per batch", **solver.axes)
        meter.record("grid_nfe", block.nfe_forward / batches, "evaluations", **solver.axes)
    block.reset_counts()


@torch.no_grad()
def error_and_loss(model: nn.Module, images: Tensor, labels: Tensor, batch_size: int) -> tuple[float, float]:
    """Return the percentage of wrong classes and the mean cross-entropy in nats; waits for the device once."""
    model.eval()
    totals = torch.zeros(2, dtype=torch.float64, device=labels.device)
    for some_images, some_labels in zip(images.split(batch_size), labels.split(batch_size), strict=True):
        scores = model(some_images)
        totals[0] += (scores.argmax(dim=1) != some_labels).sum()
        totals[1] += functional.cross_entropy(scores, some_labels, reduction="sum")
    wrong, loss = totals.tolist()
    return 100 * wrong / len(labels), loss / len(labels)
