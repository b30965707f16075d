"""Training of a map to the reflection, by full batches."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from suite.declarations import Meter

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
        if iteration % _REPORTED_EVERY == 0 or iteration == iterations - 1:
            course[iteration] = value = loss.item()
            if not math.isfinite(value):
                raise FloatingPointError(f"training diverged: the error is {value} at iteration {iteration}")
            meter.progress(number * iterations + iteration, of * iterations, "iterations", mse=value)
    return course
