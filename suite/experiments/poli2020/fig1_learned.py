"""What is fitted to sample a flow in few evaluations: hypersolvers, a two-stage method's numbers, a direct network."""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor, nn

from suite.declarations import Meter
from suite.experiments.poli2020.fig1_flow import SamplingProblem
from suite.experiments.poli2020.fig1_settings import Fig1Settings
from suite.experiments.rounding import significant
from suite.models.hypersolvers import (
    FittedSteps,
    FittingPlan,
    PerceptronCorrection,
    TaylorCorrection,
    TrajectoryCache,
    fit,
    fit_ends,
    perceptron_map,
    residual_samples,
)
from suite.solvers import explicit_methods
from suite.solvers.hyper import Hypersolver, InputForm, StepInputs

FORM = InputForm(("state", "stages", "initial", "step"))


def fitted_hypersolver(base: str, problem: SamplingProblem, settings: Fig1Settings, meter: Meter) -> Hypersolver:
    """Fit a hypersolver that takes the whole way in one step.

    With one step, the residual is the error of the base solver's only step, and residual fitting is trajectory fitting.
    """
    hypersolver = Hypersolver(base, new_correction(base, settings.hidden, meter))
    correction = hypersolver.correction
    if not isinstance(correction, PerceptronCorrection):
        raise TypeError("the correction is a perceptron")
    generator = meter.generator("pool")
    cache = TrajectoryCache(
        lambda: problem.base_states(settings.pool, generator),
        lambda states: problem.taught(states, settings.teacher_tolerance),
    )
    plan = FittingPlan(
        iterations=settings.iterations,
        batch=settings.batch,
        learning_rate=settings.learning_rate,
        last_learning_rate=settings.last_learning_rate,
        weight_decay=settings.weight_decay,
    )
    steps = partial(meter.resumable_steps, name=f"{base} on {problem.target}")
    with meter.wall_time() as seconds:
        correction.standardise(residual_samples(hypersolver.tableau, problem.field, cache.at(0)))
        course = fit(hypersolver, problem.field, cache, plan, meter.generator("batches"), steps=steps)
    for iteration, loss in course.items():
        meter.record("fit_loss", significant(loss, 3), "1", target=problem.target, iteration=iteration)
    meter.record("train_seconds", seconds.value, "s", target=problem.target)
    correction.requires_grad_(requires_grad=False)
    return hypersolver


def new_correction(base: str, hidden: tuple[int, ...], meter: Meter) -> PerceptronCorrection:
    """Return the untrained correction of a hypersolver of states ``[x, y, log p]``."""
    stages = Hypersolver(base, nothing).tableau.stages
    with meter.initialisation():
        correction = PerceptronCorrection(3, stages, FORM, hidden, nn.PReLU)
    return correction.double().to(meter.device)


def nothing(inputs: StepInputs) -> Tensor:
    """Stand for a correction where only the base is asked for."""
    if not isinstance(inputs.state, Tensor):
        raise TypeError("the state is one tensor")
    return torch.zeros_like(inputs.state)


def second_order_taylor(problem: SamplingProblem) -> Hypersolver:
    """Return Euler with the exact leading term of its residual, ``f' f / 2``."""
    return Hypersolver("euler", TaylorCorrection(problem.field))


def fitted_two_stage_end(problem: SamplingProblem, settings: Fig1Settings, meter: Meter) -> Tensor:
    """Fit ``z + b1 k1 + b2 f(z + a k1)``, begun at Heun's numbers, and return the ends of the test states."""
    step = FittedSteps(explicit_methods()["heun2"].tableau, 1).to(problem.starts.device)
    states = problem.base_states(settings.pool, meter.generator("pool"))
    ends = problem.taught(states, settings.teacher_tolerance).states[-1]
    plan = FittingPlan(
        iterations=settings.scalar_iterations,
        batch=settings.batch,
        learning_rate=0.02,
        last_learning_rate=0.0,
        weight_decay=0.0,
        gradient_norm=math.inf,
    )
    batches, steps = meter.generator("batches"), partial(meter.resumable_steps, name=f"two stages on {problem.target}")
    fit_ends(lambda z: step(problem.field, z), step.parameters(), states, ends, plan, batches, steps)
    numbers = [*step.coefficients[0].tolist(), *step.weights[0].tolist()]
    for name, value in zip(("a", "b1", "b2"), numbers, strict=True):
        meter.record("fitted_number", value, "1", target=problem.target, number=name)
    with torch.no_grad():
        found: Tensor = step(problem.field, problem.starts)
    return found


def distilled(problem: SamplingProblem, settings: Fig1Settings, operations: float, meter: Meter) -> nn.Module:
    """Fit a network from base points to samples directly, with about so many multiply-accumulates for a point."""
    # Of 2 -> w -> w -> 2: w^2 + 4 w.
    width = max(4, round(math.sqrt(operations + 4) - 2))
    with meter.initialisation():
        network = perceptron_map(2, width)
    network = network.double().to(meter.device)
    states = problem.base_states(settings.pool, meter.generator("pool"))
    ends = problem.taught(states, settings.teacher_tolerance).states[-1]
    plan = FittingPlan(
        iterations=settings.iterations,
        batch=settings.batch,
        learning_rate=settings.learning_rate,
        last_learning_rate=settings.last_learning_rate,
        weight_decay=settings.weight_decay,
        gradient_norm=math.inf,
    )
    name = f"network of {operations:g} operations on {problem.target}"
    batches, steps = meter.generator("batches"), partial(meter.resumable_steps, name=name)
    fit_ends(network, network.parameters(), states[:, :2], ends[:, :2], plan, batches, steps)
    return network
