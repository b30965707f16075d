"""Training of a map to the reflection, by full batches."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from suite.declarations import Meter, Meters
from suite.models.replicas import elementwise, put_back
from suite.models.scalar_maps import ReplicatedMap, ScalarMap

_REPORTED_EVERY = 25  # iterations between two looks at the loss, each of which waits for the device


def train_to_reflect(
    model: nn.Module, x: Tensor, iterations: int, learning_rate: float, meter: Meter, *, of: int = 1, number: int = 0
) -> dict[int, float]:
    """Minimise the mean squared error of ``model(x)`` against ``-x`` by Adam.

    Args:
        model: A map of numbers ``[n, 1]``.
        x: The numbers of every iteration.
        iterations: How many.
        learning_rate: Of Adam.
        meter: Told of the progress.
        of: How many trainings there are in the cell.
        number: Which of them this is.

    Returns:
        The error by iteration, at every twenty-fifth.

    Raises:
        FloatingPointError: When the error is no longer finite.
    """
    optimiser = torch.optim.Adam(model.parameters(), lr=learning_rate)
    course: dict[int, float] = {}
    for iteration in meter.resumable_steps(
        iterations, f"training {number}", model=model, optimiser=optimiser, course=course
    ):
        optimiser.zero_grad()
        loss = (model(x) + x).square().mean()
        loss.backward()
        optimiser.step()
        if _is_reported(iteration, iterations):
            course[iteration] = value = _finite(loss.item(), iteration)
            meter.progress(number * iterations + iteration, of * iterations, "iterations", mse=value)
    return course


def train_to_reflect_together(
    models: Sequence[ScalarMap], x: Tensor, iterations: int, learning_rate: float, meters: Meters
) -> list[dict[int, float]]:
    """Train maps of one architecture as :func:`train_to_reflect` does each of them.

    Returns:
        The errors of each.

    Raises:
        FloatingPointError: When an error is no longer finite.
    """
    replicas = ReplicatedMap(models)
    optimiser = elementwise(torch.optim.Adam(replicas.parameters(), lr=learning_rate))
    # One flat dictionary, as a checkpoint keeps it: by iteration and replica.
    course: dict[tuple[int, int], float] = {}
    for iteration in meters.resumable_steps(
        iterations, "training 0", model=replicas, optimiser=optimiser, course=course
    ):
        optimiser.zero_grad()
        losses = (replicas(x) + x).square().mean(dim=(1, 2))
        losses.sum().backward()
        optimiser.step()
        if _is_reported(iteration, iterations):
            for number, (loss, meter) in enumerate(zip(losses.tolist(), meters.each, strict=True)):
                course[iteration, number] = _finite(loss, iteration)
                meter.progress(iteration, iterations, "iterations", mse=loss)
    put_back(replicas)
    return [{at: error for (at, of), error in course.items() if of == number} for number in range(len(models))]


def _is_reported(iteration: int, iterations: int) -> bool:
    return iteration % _REPORTED_EVERY == 0 or iteration == iterations - 1


def _finite(error: float, iteration: int) -> float:
    if not math.isfinite(error):
        raise FloatingPointError(f"training diverged: the error is {error} at iteration {iteration}")
    return error
