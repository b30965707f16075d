"""What theorem 1 says of a fitted correction, and what it leaves open: other steps, other states, roll-outs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from suite.declarations import Axis, Meter
from suite.experiments.poli2020.theorem1_errors import local_errors, one_step
from suite.experiments.poli2020.theorem1_oracle import record_gains
from suite.experiments.poli2020.theorem1_problems import MeasuredProblem
from suite.experiments.poli2020.theorem1_settings import Theorem1Settings
from suite.experiments.rounding import significant
from suite.models.hypersolvers import (
    FittingPlan,
    NominalTrajectories,
    PerceptronCorrection,
    TrajectoryCache,
    fit,
    residual_norms,
    residual_samples,
)
from suite.models.hypersolvers.fitting import Objective
from suite.solvers import explicit_methods, solve
from suite.solvers.hyper import Hypersolver, InputForm


@dataclass(frozen=True)
class Lesson:
    """What a correction is fitted to.

    Attributes:
        objective: Residuals, trajectories or both.
        several: Fit residuals of several steps instead of one.
        sees_step: Whether the step is an input.
        fine: Whether errors far below the trained step are measured too.
    """

    objective: Objective = "residual"
    several: bool = False
    sees_step: bool = True
    fine: bool = False


LESSONS = {
    "fixed-without-step": Lesson(sees_step=False),
    "several-without-step": Lesson(several=True, sees_step=False),
    "several": Lesson(several=True),
    "trajectory": Lesson("trajectory"),
    "both": Lesson("both"),
    "learned": Lesson(fine=True),
}


def record_learned(problem: MeasuredProblem, variant: str, settings: Theorem1Settings, meter: Meter) -> None:
    """Fit a correction to each base solver and record what became of it."""
    lesson = LESSONS[variant]
    for base, grid in zip(settings.bases, settings.grids, strict=True):
        hypersolver = _fitted(problem, base, grid, lesson, settings, meter)
        trained = grid // settings.trained_stride
        _record_delta(problem, hypersolver, trained, settings, meter)
        multiples = (*settings.transfers, *settings.fine) if lesson.fine else settings.transfers
        record_gains(problem, hypersolver, trained, multiples, meter)
        _record_rollout(problem, hypersolver, trained, settings, meter)


def _fitted(
    problem: MeasuredProblem, base: str, grid: int, lesson: Lesson, settings: Theorem1Settings, meter: Meter
) -> Hypersolver:
    method = explicit_methods()[base]
    parts = ("state", "stages", "step") if lesson.sees_step else ("state", "stages")
    with meter.initialisation():
        correction = PerceptronCorrection(problem.dimensions, method.tableau.stages, InputForm(parts), settings.hidden)
    correction = correction.double().to(meter.device)
    hypersolver = Hypersolver(base, correction)
    stride = settings.trained_stride
    generator = meter.generator(f"training starts of {problem.name}")

    def solved(z0: Tensor) -> NominalTrajectories:
        found = problem.accurate(z0, [k / grid for k in range(grid + 1)])
        # One step only is taken from every point of the coarser grid.
        return found if lesson.several else found.every(stride)

    cache = TrajectoryCache(lambda: problem.starts(settings.train_starts, generator), solved)
    residual = lesson.objective == "residual"
    plan = FittingPlan(
        lesson.objective,
        settings.iterations if residual else settings.trajectory_iterations,
        settings.batch,
        settings.learning_rate,
        settings.last_learning_rate,
        settings.weight_decay,
        settings.gradient_norm,
        strides=settings.strides if lesson.several else (1,),
    )
    correction.standardise(residual_samples(hypersolver.tableau, problem.field, cache.at(0), strides=plan.strides))
    axes: dict[str, Axis] = {"problem": problem.name, "order": hypersolver.order}
    steps = partial(meter.resumable_steps, name=f"{base} on {problem.name}")
    with meter.wall_time() as seconds:
        course = fit(hypersolver, problem.field, cache, plan, meter.generator("batches"), steps=steps)
    for iteration, loss in course.items():
        meter.record("train_loss", significant(loss, 3), "1", iteration=iteration, **axes)
    meter.record("train_seconds", seconds.value, "s", **axes)
    meter.record("nominal_solves", cache.solves, "solves", **axes)
    correction.requires_grad_(requires_grad=False)
    return hypersolver


@torch.no_grad()
def _record_delta(
    problem: MeasuredProblem, hypersolver: Hypersolver, trained: int, settings: Theorem1Settings, meter: Meter
) -> None:
    """Record ``||R - g||`` on held-out trajectories and off them, and the local error that follows from it."""
    tableau, field, order = hypersolver.tableau, problem.field, hypersolver.order
    exact, step = problem.on_grid(trained), 1 / trained
    axes: dict[str, Axis] = {"problem": problem.name, "order": order}
    count = exact.states.shape[1]
    halves = [exact.chosen(torch.arange(first, count, 2, device=problem.device)) for first in (0, 1)]
    one, other = (residual_norms(hypersolver.correction, residual_samples(tableau, field, half)) for half in halves)
    # Of one half the local error is measured, of the other it is predicted.
    measured = local_errors(field, halves[0], hypersolver)
    predicted = float(other.mean()) * step ** (order + 1)
    meter.record("held_out_local_error", float(measured.mean()), "1", **axes)
    meter.record("predicted_local_error", predicted, "1", **axes)
    same = one * step ** (order + 1)
    meter.record("identity_error", float((measured - same).abs().max() / measured.max()), "1", **axes)
    zero = residual_samples(tableau, field, exact).residuals
    meter.record("residual_size", float(torch.linalg.vector_norm(zero, dim=1).mean()), "1", **axes)
    means = {}
    for region, states in _regions(problem, hypersolver, exact, settings, meter).items():
        after = problem.accurate(states, [0.0, step])
        norms = residual_norms(hypersolver.correction, residual_samples(tableau, field, after))
        means[region] = float(norms.mean())
        meter.record("delta", means[region], "1", region=region, statistic="mean", **axes)
        meter.record("delta", float(norms.max()), "1", region=region, statistic="max", **axes)
        error = torch.linalg.vector_norm(one_step(field, states, step, hypersolver) - after.states[-1], dim=1)
        meter.record("region_local_error", float(error.mean()), "1", region=region, **axes)
    meter.record("off_over_on", means["off"] / means["on"], "1", **axes)


def _regions(
    problem: MeasuredProblem,
    hypersolver: Hypersolver,
    exact: NominalTrajectories,
    settings: Theorem1Settings,
    meter: Meter,
) -> dict[str, Tensor]:
    """Return states on held-out trajectories, on the hypersolver's own, and away from either."""
    on = exact.states[:-1].flatten(0, 1)
    own = solve(problem.field, exact.states[0], torch.tensor(exact.times, dtype=torch.float64), method=hypersolver)
    if not isinstance(own.states, Tensor):
        raise TypeError("the state is one tensor")
    direction = torch.randn(on.shape, generator=meter.generator("displacements"), dtype=torch.float64).to(on.device)
    direction = direction / torch.linalg.vector_norm(direction, dim=1, keepdim=True)
    return {
        "on": on,
        "roll-out": own.states[:-1].flatten(0, 1),
        "off": on + settings.displacement * direction,
    }


@torch.no_grad()
def _record_rollout(
    problem: MeasuredProblem, hypersolver: Hypersolver, trained: int, settings: Theorem1Settings, meter: Meter
) -> None:
    """Record the error of a roll-out at the trained step, far beyond the time of training."""
    count = round(settings.horizon * trained)
    times = [k / trained for k in range(count + 1)]
    exact = problem.accurate(problem.z0, times)
    for name, method in (("rollout_error", hypersolver), ("base_rollout_error", hypersolver.base)):
        states = solve(problem.field, problem.z0, torch.tensor(times, dtype=torch.float64), method=method).states
        if not isinstance(states, Tensor):
            raise TypeError("the state is one tensor")
        errors = torch.linalg.vector_norm(states - exact.states, dim=2).mean(dim=1)
        for k in range(trained, count + 1, trained):
            meter.record(
                name, float(errors[k]), "1", problem=problem.name, order=hypersolver.order, t=round(times[k], 9)
            )
