"""The methods of the long roll-outs: classical ones, and hypersolvers fitted at the step of each rate."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from suite.declarations import Axis, Meter
from suite.experiments.poli2020.lorenz_settings import LorenzSettings
from suite.experiments.poli2020.lorenz_systems import System
from suite.experiments.rounding import significant
from suite.models.hypersolvers import (
    FittingPlan,
    NominalTrajectories,
    PerceptronCorrection,
    TrajectoryCache,
    fit,
    nominal_trajectories,
    residual_samples,
)
from suite.solvers import ExplicitRungeKutta, Method, explicit_methods
from suite.solvers.hyper import Hypersolver, InputForm, StepInputs

BASES = {"euler": "euler", "heun": "heun2", "rk4": "rk4_classic", "hyper-heun": "heun2", "hyper-euler": "euler"}
"""The tableau of each variant."""

HYPER = ("hyper-heun", "hyper-euler")


def stages(variant: str) -> int:
    """Return the evaluations of a step."""
    return explicit_methods()[BASES[variant]].tableau.stages


def method_of(variant: str, system: System, rate: int, settings: LorenzSettings, meter: Meter) -> Method:
    """Return a variant's method for a rate; a hypersolver is fitted at the step of that rate first."""
    if variant not in HYPER:
        return classical(BASES[variant])
    step = stages(variant) / rate
    hypersolver = Hypersolver(BASES[variant], correction_of(variant, system, settings, meter))
    count = round(settings.train_time / step)
    # As many trajectories as give the wanted number of residuals.
    starts = max(1, min(settings.train_starts, settings.samples // count))
    generator = meter.generator(f"training starts of {system.name}")

    def solved(z0: Tensor) -> NominalTrajectories:
        times = [k * step for k in range(count + 1)]
        return nominal_trajectories(system.field, z0, times, method="dopri8", tolerance=settings.tolerance)

    cache = TrajectoryCache(lambda: system.starts(starts, generator), solved)
    plan = FittingPlan(
        iterations=settings.iterations,
        batch=settings.batch,
        learning_rate=settings.learning_rate,
        last_learning_rate=settings.last_learning_rate,
        gradient_norm=settings.gradient_norm,
    )
    samples = residual_samples(hypersolver.tableau, system.field, cache.at(0))
    correction = hypersolver.correction
    if not isinstance(correction, PerceptronCorrection):
        raise TypeError("the correction is a perceptron")
    correction.standardise(samples)
    steps = partial(meter.resumable_steps, name=f"{system.name} at {rate} evaluations")
    with meter.wall_time() as seconds:
        course = fit(hypersolver, system.field, cache, plan, meter.generator("batches"), steps=steps)
    axes: dict[str, Axis] = {"system": system.name, "rate": rate}
    shown = [*course.items()]
    for iteration, loss in shown[:: max(1, len(shown) // 50)]:
        meter.record("train_loss", significant(loss, 3), "1", iteration=iteration, **axes)
    meter.record("train_seconds", seconds.value, "s", **axes)
    correction.requires_grad_(requires_grad=False)
    error = (correction(samples.inputs) - samples.residuals).square().mean()
    meter.record("residual_mse", float(error), "1", **axes)
    return hypersolver


def correction_of(variant: str, system: System, settings: LorenzSettings, meter: Meter) -> PerceptronCorrection:
    """Return the untrained correction of a hypersolver."""
    with meter.initialisation():
        correction = PerceptronCorrection(
            system.field.dimensions, stages(variant), InputForm(("state", "stages")), settings.hidden
        )
    return correction.double().to(system.device)


@torch.no_grad()
def operations_of_step(variant: str, system: System, settings: LorenzSettings, meter: Meter) -> float:
    """Return the multiplications of a step of one trajectory: those of the field, and the correction's."""
    count = stages(variant)
    operations = float(count * system.field.multiplications)
    if variant in HYPER:
        z = torch.zeros(1, system.field.dimensions, dtype=torch.float64, device=system.device)
        inputs = StepInputs(0.1, 0.0, z, [z] * count, z)
        correction = correction_of(variant, system, settings, meter)
        with meter.macs() as reading:
            correction(inputs)
        operations += reading.value
    return operations


def classical(name: str) -> Method:
    """Return a registered tableau on a fixed grid."""
    return ExplicitRungeKutta(name, explicit_methods()[name].tableau, adaptive=False)
