"""Maximum-likelihood training of the flows of Fig. 4, under one rule for the budget of all of them."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from suite.declarations import Meter
from suite.experiments.massaroli2020.fig4_settings import Fig4Settings
from suite.models import Gradient, parameter_count
from suite.models.conditional_flow import (
    ClassDensities,
    ConditionalDensities,
    ConditionalFlow,
    ControlledField,
    FlowMaker,
    MixtureDensity,
    SelfControlledDensity,
    SeparateDensities,
)
from suite.models.graphed_step import GraphedStep


def new_densities(variant: str, settings: Fig4Settings) -> ClassDensities:
    """Return the untrained flows of a variant."""
    kinds: dict[str, Callable[[int, FlowMaker], ClassDensities]] = {
        "unconditional": MixtureDensity,
        "self-control": SelfControlledDensity,
        "separate-narrow": SeparateDensities,
        "separate": SeparateDensities,
        "conditional": ConditionalDensities,
    }
    hidden = settings.narrow_hidden if variant == "separate-narrow" else settings.hidden
    gradient: Gradient = "direct" if settings.gradient == "direct" else "adjoint"

    def new_flow(condition: int) -> ConditionalFlow:
        field = ControlledField(2, condition, hidden, settings.layers)
        return ConditionalFlow(field, tolerance=settings.tolerance, gradient=gradient)

    return kinds[variant](len(settings.targets()), new_flow)


def draw(settings: Fig4Settings, count: int, stream: torch.Generator, device: torch.device) -> Tensor:
    """Draw points of every class, shape ``[classes, count, 2]``."""
    return torch.stack([target.sample(count, stream) for target in settings.targets().values()]).to(device)


def train(model: ClassDensities, settings: Fig4Settings, meter: Meter) -> None:
    """Maximise the likelihood of fresh points; record the course, evaluations and time.

    The rule: every variant takes the same iterations, and sees the same points of each class in each. Separate flows
    each see those of their class; what they do is the same with one optimiser as with one for each, since AdamW treats
    every parameter by itself and does not see the scale of a loss.

    Raises:
        FloatingPointError: When the loss is no longer finite.
    """
    optimiser = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimiser, settings.iterations, eta_min=settings.learning_rate * settings.final_learning_rate
    )
    step = GraphedStep(lambda points: (model(points),), optimiser)
    meter.record("parameters", parameter_count(model), "1")
    stream = meter.generator("training")
    validation = draw(settings, settings.validation_points, meter.generator("validation"), meter.device)
    model.set_tolerance(settings.tolerance)
    spent = {"seconds": 0.0}
    for check in meter.resumable_steps(
        settings.checks, "training", model=model, optimiser=optimiser, schedule=schedule, spent=spent
    ):
        done = settings.iterations * (check + 1) // settings.checks
        count = done - settings.iterations * check // settings.checks
        total = torch.zeros((), device=meter.device)
        with meter.wall_time() as elapsed:
            for _ in range(count):
                (loss,) = step(draw(settings, settings.points_per_class, stream, meter.device))
                schedule.step()
                total += loss
        spent["seconds"] += elapsed.value
        mean = float(total) / max(count, 1)
        if not math.isfinite(mean):
            raise FloatingPointError(f"training diverged: the loss is {mean} before iteration {done}")
        nll, evaluations = _validate(model, validation)
        meter.record("validation_nll", nll, "nats", iteration=done)
        meter.record("nfe_forward", evaluations, "evaluations", iteration=done)
        meter.progress(done, settings.iterations, "iterations", nll=nll)
    meter.record("train_seconds", spent["seconds"], "s")


@torch.no_grad()
def _validate(model: ClassDensities, points: Tensor) -> tuple[float, float]:
    """Return the mean negative log-likelihood, and the evaluations of a solve: their mean where there are several."""
    total, evaluations = 0.0, []
    for flow, x in model.solves(points):
        total -= float(flow.log_prob(x).sum())
        evaluations.append(flow.nfe_forward)
    return total / points.shape[:2].numel(), sum(evaluations) / len(evaluations)
