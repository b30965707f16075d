"""What is fitted to sample a flow in few evaluations: hypersolvers, a two-stage method's numbers, a direct network."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.func import jvp

from suite.declarations import Meter
from suite.experiments.poli2020.fig1_flow import SamplingProblem
from suite.experiments.poli2020.fig1_settings import Fig1Settings
from suite.models.hypersolvers import (
    FittingPlan,
    PerceptronCorrection,
    TrajectoryCache,
    fit,
    residual_samples,
)
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
    with meter.wall_time() as seconds:
        correction.standardise(residual_samples(hypersolver.tableau, problem.field, cache.at(0)))
        course = fit(hypersolver, problem.field, cache, plan, meter.generator("batches"))
    for iteration, loss in course.items():
        meter.record("fit_loss", float(f"{loss:.3g}"), "1", target=problem.target, iteration=iteration)
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
    """Return Euler with the exact leading term of its residual, ``f' f / 2``, by a Jacobian-vector product."""

    def half_acceleration(inputs: StepInputs) -> Tensor:
        state, (slope,) = inputs.state, inputs.stages
        if not isinstance(state, Tensor) or not isinstance(slope, Tensor):
            raise TypeError("the state is one tensor")
        zero = torch.zeros((), dtype=state.dtype, device=state.device)
        product: Tensor = jvp(lambda z: problem.field(zero, z), (state,), (slope,))[1]
        return product / 2

    return Hypersolver("euler", half_acceleration)


def fitted_two_stage_end(problem: SamplingProblem, settings: Fig1Settings, meter: Meter) -> Tensor:
    """Fit ``z + b1 k1 + b2 f(z + a k1)``, begun at Heun's numbers, and return the ends of the test states."""
    states = problem.base_states(settings.pool, meter.generator("pool"))
    ends = problem.taught(states, settings.teacher_tolerance).states[-1]
    numbers = torch.tensor([1.0, 0.5, 0.5], dtype=torch.float64, device=states.device, requires_grad=True)
    optimiser = torch.optim.Adam([numbers], lr=0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.scalar_iterations)
    generator = meter.generator("batches")
    for _ in range(settings.scalar_iterations):
        index = torch.randint(len(states), (settings.batch,), generator=generator).to(states.device)
        optimiser.zero_grad()
        error = _two_stage_end(problem, states[index], numbers) - ends[index]
        torch.linalg.vector_norm(error, dim=1).mean().backward()
        optimiser.step()
        schedule.step()
    for name, value in zip(("a", "b1", "b2"), numbers.tolist(), strict=True):
        meter.record("fitted_number", value, "1", target=problem.target, number=name)
    with torch.no_grad():
        return _two_stage_end(problem, problem.starts, numbers)


def _two_stage_end(problem: SamplingProblem, z: Tensor, numbers: Tensor) -> Tensor:
    a, b1, b2 = numbers
    zero = torch.zeros((), dtype=z.dtype, device=z.device)
    k1 = problem.field(zero, z)
    end: Tensor = z + b1 * k1 + b2 * problem.field(zero, z + a * k1)
    return end


def distilled(problem: SamplingProblem, settings: Fig1Settings, operations: float, meter: Meter) -> nn.Module:
    """Fit a network from base points to samples directly, with about so many multiply-accumulates for a point."""
    # Of 2 -> w -> w -> 2: w^2 + 4 w.
    width = max(4, round(math.sqrt(operations + 4) - 2))
    with meter.initialisation():
        network = nn.Sequential(nn.Linear(2, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 2))
    network = network.double().to(meter.device)
    states = problem.base_states(settings.pool, meter.generator("pool"))
    ends = problem.taught(states, settings.teacher_tolerance).states[-1]
    optimiser = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.iterations, settings.last_learning_rate)
    generator = meter.generator("batches")
    for _ in range(settings.iterations):
        index = torch.randint(len(states), (settings.batch,), generator=generator).to(states.device)
        optimiser.zero_grad()
        found = states[index, :2] + network(states[index, :2])
        torch.linalg.vector_norm(found - ends[index, :2], dim=1).mean().backward()
        optimiser.step()
        schedule.step()
    return network
