"""Contenders that are trained on a field: hypersolvers, Runge-Kutta steps with fitted coefficients, direct networks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from reference.crosschecks.pareto_case import ParetoCase, Work
from reference.crosschecks.pareto_contenders import OURS, Contender, fixed
from reference.crosschecks.pareto_settings import ParetoSettings
from suite.declarations import Meter
from suite.experiments.rounding import significant
from suite.models.hypersolvers import (
    FittedSteps,
    FittingPlan,
    FittingSteps,
    NominalTrajectories,
    TrajectoryCache,
    fit,
    fit_ends,
    residual_samples,
    uninterrupted,
)
from suite.solvers import explicit_methods
from suite.solvers.hyper import Hypersolver

BASES = {"hyper-euler": "euler", "hyper-midpoint": "midpoint", "hyper-heun": "heun2"}


def hypersolvers(case: ParetoCase, meter: Meter) -> Iterator[Contender]:
    """Yield each hypersolver at each number of steps, with the correction fitted nearest to that number."""
    for name, base in BASES.items():
        fitted = {count: _fitted_hypersolver(case, base, count, meter) for count in case.efforts.fitted}
        for count in case.efforts.hyper:
            nearest = min(fitted, key=lambda at, count=count: abs(math.log(at / count)))  # type: ignore[misc]
            method, training = fitted[nearest]
            yield Contender("hyper", name, OURS, count, fixed(case, method, count), training)


def _fitted_hypersolver(case: ParetoCase, base: str, steps: int, meter: Meter) -> tuple[Hypersolver, Work]:
    trajectories = _on_grid(case.pool, steps)
    with meter.wall_time() as seconds, meter.macs() as operations:
        samples = residual_samples(explicit_methods()[base].tableau, case.field, trajectories)
    preparing = Work(operations.value, seconds.value)
    with meter.initialisation():
        hypersolver = Hypersolver(base, case.correction(base, samples))
    correction = hypersolver.correction
    if not isinstance(correction, nn.Module):
        raise TypeError("a correction that is fitted is a module")
    del samples

    def fitting(fitted: Hypersolver, plan: FittingPlan, count: FittingSteps = uninterrupted) -> None:
        fit(fitted, case.field, TrajectoryCache.of(trajectories), plan, meter.generator("batches"), steps=count)

    once = replace(case.plan, iterations=1)
    with meter.macs() as of_first:
        fitting(Hypersolver(base, deepcopy(correction)), once)
    with meter.wall_time() as of_all:
        fitting(hypersolver, case.plan, partial(meter.resumable_steps, name=f"{case.name} {base} {steps}"))
    correction.requires_grad_(requires_grad=False)
    operations_of_iteration = of_first.value - preparing.macs
    fitting_work = Work(preparing.macs + case.plan.iterations * operations_of_iteration, of_all.value)
    return hypersolver, case.pool_work + fitting_work


def _on_grid(pool: NominalTrajectories, steps: int) -> NominalTrajectories:
    stride, rest = divmod(len(pool.times) - 1, steps)
    if rest:
        raise ValueError(f"{steps} steps do not fit into a grid of {len(pool.times) - 1}")
    return pool.every(stride)


def fitted_steps(case: ParetoCase, settings: ParetoSettings, meter: Meter) -> Iterator[Contender]:
    """Yield Runge-Kutta steps whose coefficients are fitted to the ends of the pool."""
    for base, counts in (("heun2", settings.fitted_heun_steps), ("rk4_classic", settings.fitted_rk4_steps)):
        for count in counts:
            steps = FittedSteps(explicit_methods()[base].tableau, count, case.starts.dtype).to(case.starts.device)
            plan = FittingPlan(
                iterations=settings.scalar_iterations,
                batch=settings.scalar_batch,
                learning_rate=settings.scalar_learning_rate,
                last_learning_rate=0.0,
                weight_decay=0.0,
                gradient_norm=math.inf,
            )
            name = f"{case.name} {count} steps of {base}"
            training = _fitted_ends(case, name, steps, lambda z, steps=steps: steps(case.field, z), plan, meter)  # type: ignore[misc]
            yield Contender("scalar-fitted", f"fitted-{base}", OURS, count, _applied(case, steps), training)


def _applied(case: ParetoCase, steps: FittedSteps) -> Callable[[], Tensor]:
    def end() -> Tensor:
        with torch.no_grad():
            found: Tensor = steps(case.field, case.starts)
        return found

    return end


def distilled(case: ParetoCase, budgets: Iterable[float], meter: Meter) -> Iterator[Contender]:
    """Yield networks from starts to ends that cost no more than each of some budgets, and evaluate no field.

    Args:
        case: The field.
        budgets: Multiply-accumulates of a sample.
        meter: Gives random numbers, and measures the training.
    """
    for number, budget in enumerate(budgets):
        with meter.initialisation():
            network = case.direct(budget)
        training = _fitted_ends(case, f"{case.name} network {number}", network, network, case.plan, meter)
        network.requires_grad_(requires_grad=False)
        effort = significant(budget / case.evaluation_macs, 3)
        yield Contender("distilled", "distilled", OURS, effort, lambda network=network: network(case.starts), training)  # type: ignore[misc]


def _fitted_ends(
    case: ParetoCase, name: str, module: nn.Module, predict: Callable[[Tensor], Tensor], plan: FittingPlan, meter: Meter
) -> Work:
    starts, ends = case.pool.states[0], case.pool.states[-1]

    def fitting(plan: FittingPlan, count: FittingSteps = uninterrupted) -> None:
        fit_ends(predict, module.parameters(), starts, ends, plan, meter.generator("batches"), count)

    with meter.wall_time() as seconds:
        fitting(plan, partial(meter.resumable_steps, name=name))
    before = deepcopy(module.state_dict())
    with meter.macs() as of_one:
        fitting(replace(plan, iterations=1))
    module.load_state_dict(before)
    return case.pool_work + Work(plan.iterations * of_one.value, seconds.value)
