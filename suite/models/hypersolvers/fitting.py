"""Fitting of a correction: to residuals, to trajectories, or to both."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from suite.models.hypersolvers.losses import Norm, residual_loss, trajectory_loss
from suite.models.hypersolvers.residuals import ResidualSamples, residual_samples
from suite.models.hypersolvers.trajectories import NominalTrajectories, TrajectoryCache
from suite.solvers.hyper import Hypersolver
from suite.solvers.vector_field import VectorField

Objective = Literal["residual", "trajectory", "both"]
Report = Callable[[int, float], None]
"""Told an iteration and its loss, now and then."""

REPORTED_EVERY = 50
"""Iterations between two looks at the loss, each of which waits for the device."""


@dataclass(frozen=True)
class FittingPlan:
    """How a correction is fitted: AdamW with a cosine schedule and clipped gradients, as in the released notebooks.

    Attributes:
        objective: Residual fitting, trajectory fitting, or the sum of both losses.
        iterations: Of the optimiser.
        batch: Residual samples of an iteration; of a trajectory loss, trajectories.
        learning_rate: At the start.
        last_learning_rate: At the end.
        weight_decay: Of AdamW.
        gradient_norm: Larger gradients are scaled down to it.
        strides: Lengths of the steps of residual fitting, in intervals of the trajectories' grid.
        norm: Of the trajectory loss.

    Raises:
        ValueError: When the objective is unknown.
    """

    objective: Objective = "residual"
    iterations: int = 1000
    batch: int = 256
    learning_rate: float = 5e-3
    last_learning_rate: float = 5e-4
    weight_decay: float = 1e-6
    gradient_norm: float = 1.0
    strides: tuple[int, ...] = (1,)
    norm: Norm = "l2"

    def __post_init__(self) -> None:
        if self.objective not in get_args(Objective):
            raise ValueError(f"unknown objective {self.objective!r}; they are {', '.join(get_args(Objective))}")


def fit(
    hypersolver: Hypersolver,
    field: VectorField,
    cache: TrajectoryCache,
    plan: FittingPlan,
    generator: torch.Generator,
    report: Report | None = None,
) -> dict[int, float]:
    """Fit the correction of a hypersolver; the field stays as it is.

    Residuals and stages are computed once for each batch of trajectories, not in every iteration.

    Args:
        hypersolver: Its correction is a module.
        field: ``f(s, z)``.
        cache: Gives the trajectories of an iteration.
        plan: How.
        generator: Draws what each iteration learns from, on the CPU.
        report: Told of the loss now and then.

    Returns:
        The loss by iteration, at some of them.

    Raises:
        TypeError: When the correction is no module.
        FloatingPointError: When the loss is no longer finite.
    """
    correction = hypersolver.correction
    if not isinstance(correction, nn.Module):
        raise TypeError("a correction that is fitted is a module")
    optimiser = torch.optim.AdamW(correction.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, plan.iterations, plan.last_learning_rate)
    course: dict[int, float] = {}
    seen: NominalTrajectories | None = None
    samples: ResidualSamples | None = None
    for iteration in range(plan.iterations):
        trajectories = cache.at(iteration)
        if trajectories is not seen and plan.objective != "trajectory":
            samples = residual_samples(hypersolver.tableau, field, trajectories, strides=plan.strides)
        seen = trajectories
        optimiser.zero_grad()
        loss = _loss(hypersolver, correction, field, trajectories, samples, plan, generator)
        loss.backward()
        nn.utils.clip_grad_norm_(correction.parameters(), plan.gradient_norm)
        optimiser.step()
        schedule.step()
        if iteration % REPORTED_EVERY == 0 or iteration == plan.iterations - 1:
            course[iteration] = value = loss.item()
            if not math.isfinite(value):
                raise FloatingPointError(f"fitting diverged: the loss is {value} at iteration {iteration}")
            if report is not None:
                report(iteration, value)
    return course


def _loss(
    hypersolver: Hypersolver,
    correction: nn.Module,
    field: VectorField,
    trajectories: NominalTrajectories,
    samples: ResidualSamples | None,
    plan: FittingPlan,
    generator: torch.Generator,
) -> Tensor:
    loss = trajectories.states.new_zeros(())
    if samples is not None:
        loss = loss + residual_loss(correction, samples.taken(drawn(len(samples), plan.batch, generator, loss)))
    if plan.objective != "residual":
        index = drawn(trajectories.states.shape[1], plan.batch, generator, loss)
        loss = loss + trajectory_loss(hypersolver, field, trajectories.chosen(index), plan.norm)
    return loss


def drawn(count: int, batch: int, generator: torch.Generator, like: Tensor) -> Tensor:
    """Return the indices of a batch, drawn with replacement, where a tensor is; the host waits for no copy of them."""
    index = torch.randint(count, (min(batch, count),), generator=generator)
    return index.pin_memory().to(like.device, non_blocking=True) if like.is_cuda else index
