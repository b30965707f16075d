"""Fitting of a correction: to residuals, to trajectories, or to both."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from suite.models.graphed_step import GraphedStep
from suite.models.hypersolvers.fitting_steps import FittingSteps, uninterrupted
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
    steps: FittingSteps = uninterrupted,
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
        steps: Counts the iterations.

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
    lesson = _Lesson(hypersolver, correction, field, plan)
    step = GraphedStep(lesson.losses, optimiser, gradient_norm=plan.gradient_norm)
    for iteration in steps(
        plan.iterations, correction=correction, optimiser=optimiser, schedule=schedule, cache=cache, course=course
    ):
        if not lesson.goes_on(cache.at(iteration)):
            step = GraphedStep(lesson.losses, optimiser, gradient_norm=plan.gradient_norm)
        (loss,) = step(*lesson.drawn(generator))
        schedule.step()
        if iteration % REPORTED_EVERY == 0 or iteration == plan.iterations - 1:
            course[iteration] = value = loss.item()
            if not math.isfinite(value):
                raise FloatingPointError(f"fitting diverged: the loss is {value} at iteration {iteration}")
            if report is not None:
                report(iteration, value)
    return course


class _Lesson:
    """The present batch of trajectories, with the residual samples of it, and the loss on a part of it."""

    def __init__(self, hypersolver: Hypersolver, correction: nn.Module, field: VectorField, plan: FittingPlan) -> None:
        self._hypersolver, self._correction, self._field, self._plan = hypersolver, correction, field, plan
        self._trajectories: NominalTrajectories | None = None
        self._samples: ResidualSamples | None = None

    def goes_on(self, trajectories: NominalTrajectories) -> bool:
        """Take the trajectories of an iteration; return whether the losses read the tensors that they read before."""
        if trajectories is self._trajectories:
            return True
        self._trajectories = trajectories
        if self._plan.objective == "trajectory":
            return False
        found = residual_samples(self._hypersolver.tableau, self._field, trajectories, strides=self._plan.strides)
        before, self._samples = self._samples, found
        if before is None or len(before) != len(found):
            return False
        # A step that is recorded on the samples before goes on with these.
        before.overwrite(found)
        self._samples = before
        return self._plan.objective == "residual"

    def drawn(self, generator: torch.Generator) -> list[Tensor]:
        """Draw what an iteration learns from: indices of residual samples, of trajectories, or of both."""
        batch, states = self._plan.batch, self._states
        counts = [] if self._samples is None else [len(self._samples)]
        if self._plan.objective != "residual":
            counts.append(states.shape[1])
        return [drawn(count, batch, generator, states) for count in counts]

    def losses(self, *indices: Tensor) -> tuple[Tensor]:
        """Return the loss on what the indices choose."""
        loss = self._states.new_zeros(())
        if self._samples is not None:
            loss = loss + residual_loss(self._correction, self._samples.taken(indices[0]))
        if self._plan.objective != "residual" and self._trajectories is not None:
            chosen = self._trajectories.chosen(indices[-1])
            loss = loss + trajectory_loss(self._hypersolver, self._field, chosen, self._plan.norm)
        return (loss,)

    @property
    def _states(self) -> Tensor:
        if self._trajectories is None:
            raise ValueError("a lesson has no trajectories yet")
        return self._trajectories.states


def drawn(count: int, batch: int, generator: torch.Generator, like: Tensor) -> Tensor:
    """Return the indices of a batch, drawn with replacement, where a tensor is; the host waits for no copy of them."""
    index = torch.randint(count, (min(batch, count),), generator=generator)
    return index.pin_memory().to(like.device, non_blocking=True) if like.is_cuda else index
