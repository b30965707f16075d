"""The methods that track: classical ones, HyperEuler fitted at one step, and HyperEuler fitted at every step."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch

from suite.declarations import Meter
from suite.experiments.poli2020.tracking_problem import TrackingProblem, fitting_conditions
from suite.experiments.poli2020.tracking_settings import TrackedSettings
from suite.experiments.rounding import significant
from suite.models.hypersolvers import (
    FittingPlan,
    PerceptronCorrection,
    TrajectoryCache,
    fit,
    residual_norms,
    residual_samples,
)
from suite.solvers.hyper import Hypersolver, InputForm

CLASSICAL = {"euler": "euler", "midpoint": "midpoint", "heun": "heun2", "rk4": "rk4_classic", "ab2": "ab2"}
"""The registered method of each classical variant."""

HYPER = ("hyper-euler-refitted", "hyper-euler")
BASE = "euler"

# As released, where fields do not depend on depth; the residual of this one does.
FORM = InputForm(("state", "k1", "step", "time"))

_STAGES = {"euler": 1, "midpoint": 2, "heun": 2, "rk4": 4, "ab2": 1, **dict.fromkeys(HYPER, 1)}


def steps_for(variant: str, evaluations: int) -> int:
    """Return the steps that a variant takes with so many evaluations of the field, or with the next fewer that fit.

    The first step of ``ab2``, which has no past, is one of Heun's and takes two.
    """
    return (evaluations - 1 if variant == "ab2" else evaluations) // _STAGES[variant]


def evaluations_of(variant: str, steps: int) -> int:
    """Return the evaluations of so many steps."""
    return steps * _STAGES[variant] + (variant == "ab2")


def fitted_by_steps(
    variant: str, problem: TrackingProblem, settings: TrackedSettings, meter: Meter
) -> Mapping[int, Hypersolver]:
    """Return the hypersolver for every number of steps that it is measured at: one, or one fitted for each."""
    if variant == "hyper-euler":
        one = fitted(problem, settings.trained_steps, settings, meter)
        return dict.fromkeys(settings.evaluations, one)
    return {steps: fitted(problem, steps, settings, meter) for steps in settings.evaluations}


def fitted(problem: TrackingProblem, steps: int, settings: TrackedSettings, meter: Meter) -> Hypersolver:
    """Fit HyperEuler to its residuals at one step size; record the loss, the time and what remains of the residual."""
    correction = new_correction(settings, meter)
    hypersolver = Hypersolver(BASE, correction)
    cache = TrajectoryCache(lambda: fitting_conditions(settings, meter), lambda z0: problem.accurate(z0, steps))
    plan = FittingPlan(
        iterations=settings.fit_iterations,
        batch=settings.fit_batch,
        learning_rate=settings.fit_learning_rate,
        last_learning_rate=settings.fit_last_learning_rate,
        weight_decay=settings.fit_weight_decay,
        gradient_norm=settings.fit_gradient_norm,
    )
    with meter.wall_time() as seconds:
        correction.standardise(residual_samples(hypersolver.tableau, problem.field, cache.at(0)))
        course = fit(
            hypersolver,
            problem.field,
            cache,
            plan,
            meter.generator("fitting batches"),
            steps=partial(meter.resumable_steps, name=f"{steps} steps"),
        )
    shown = [*course.items()]
    for iteration, loss in shown[:: max(1, len(shown) // 25)]:
        meter.record("fit_loss", significant(loss, 3), "1", steps=steps, iteration=iteration)
    meter.record("fit_seconds", seconds.value, "s", steps=steps)
    correction.requires_grad_(requires_grad=False)
    held_out = residual_samples(hypersolver.tableau, problem.field, problem.on_grid(steps))
    size = torch.linalg.vector_norm(held_out.residuals, dim=1).mean()
    meter.record("residual_share", float(residual_norms(correction, held_out).mean() / size), "1", steps=steps)
    return hypersolver


def new_correction(settings: TrackedSettings, meter: Meter) -> PerceptronCorrection:
    """Return the untrained correction."""
    with meter.initialisation():
        correction = PerceptronCorrection(2, 1, FORM, settings.correction_hidden)
    return correction.double().to(meter.device)
