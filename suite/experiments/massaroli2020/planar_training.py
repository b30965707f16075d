"""Training a planar classifier on fresh points, as the annuli notebook of Massaroli et al. 2020 does."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import AdamW

from suite.declarations import Axis, Meter
from suite.models.graphed_step import GraphedStep

Draw = Callable[[int, torch.Generator], tuple[Tensor, Tensor]]
"""From a number of points and a generator on the CPU to points ``[n, 2]`` and their targets."""


@dataclass(frozen=True)
class Training:
    """How a model is trained.

    Attributes:
        iterations: Steps of AdamW.
        batch_size: Fresh points in each.
        learning_rate: Of AdamW, constant.
        weight_decay: Of AdamW.
        checks: How often the loss is looked at, which waits for the device.
    """

    iterations: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    checks: int


def train(model: nn.Module, draw: Draw, generator: torch.Generator, how: Training, meter: Meter, **axes: Axis) -> None:
    """Minimise the mean squared error on fresh points; record ``train_mse``, its mean since the last look.

    Args:
        model: From points to predictions of the targets' shape.
        draw: Where points come from.
        generator: Of the points, on the CPU.
        how: Sizes and rates.
        meter: What to record with.
        **axes: Axes of the recorded rows.

    Raises:
        FloatingPointError: When the loss is not finite.
    """
    optimiser = AdamW(model.parameters(), lr=how.learning_rate, weight_decay=how.weight_decay)
    step = GraphedStep(lambda points, targets: (functional.mse_loss(model(points), targets),), optimiser)
    model.train()
    checks = min(how.checks, how.iterations)
    name = " ".join(["training", *map(str, axes.values())])
    for check in meter.resumable_steps(checks, name, model=model, optimiser=optimiser):
        done = how.iterations * (check + 1) // checks
        count = done - how.iterations * check // checks
        total = torch.zeros((), device=meter.device)
        for _ in range(count):
            points, targets = draw(how.batch_size, generator)
            (loss,) = step(points.to(meter.device), targets.to(meter.device))
            total += loss
        mean = float(total) / count
        if not math.isfinite(mean):
            raise FloatingPointError(f"the loss is {mean} before iteration {done}")
        meter.record("train_mse", mean, "1", iteration=done, **axes)
        meter.progress(done, how.iterations, "iterations", mse=mean)
    model.eval()
