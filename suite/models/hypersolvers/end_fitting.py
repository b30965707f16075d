"""Fitting of anything that maps starts to ends: a few coefficients of a solver, or a network that replaces it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from suite.models.graphed_step import GraphedStep
from suite.models.hypersolvers.fitting import FittingPlan, drawn
from suite.models.hypersolvers.fitting_steps import FittingSteps, uninterrupted


def fit_ends(
    predict: Callable[[Tensor], Tensor],
    parameters: Iterable[nn.Parameter],
    starts: Tensor,
    ends: Tensor,
    plan: FittingPlan,
    generator: torch.Generator,
    steps: FittingSteps = uninterrupted,
) -> None:
    """Minimise the mean distance of predicted ends from the true ones, by AdamW with a cosine schedule.

    Args:
        predict: Returns ends ``[batch, *state]`` of starts ``[batch, *state]``.
        parameters: What is fitted.
        starts: Starts to learn from, shape ``[n, *state]``.
        ends: Where they end, likewise.
        plan: How; of its fields those of the optimiser and the batch.
        generator: Draws the batch of each iteration, on the CPU.
        steps: Counts the iterations.
    """
    fitted = list(parameters)
    optimiser = torch.optim.AdamW(fitted, lr=plan.learning_rate, weight_decay=plan.weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, plan.iterations, plan.last_learning_rate)

    def losses(index: Tensor) -> tuple[Tensor]:
        errors = (predict(starts[index]) - ends[index]).flatten(1)
        return (torch.linalg.vector_norm(errors, dim=1).mean(),)

    step = GraphedStep(losses, optimiser, gradient_norm=plan.gradient_norm)
    for _ in steps(plan.iterations, fitted=nn.ParameterList(fitted), optimiser=optimiser, schedule=schedule):
        step(drawn(len(starts), plan.batch, generator, starts))
        schedule.step()
