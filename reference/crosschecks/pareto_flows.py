"""The Pareto case of a continuous normalizing flow: its samples, without their density."""

from __future__ import annotations

import math

import torch
from torch import nn

from reference.crosschecks.pareto_case import Efforts, ParetoCase, Work
from reference.crosschecks.pareto_settings import ParetoSettings
from suite.declarations import Meter
from suite.experiments.poli2020.fig1_learned import FORM
from suite.models.flows import ContinuousFlow, gaussian_samples
from suite.models.hypersolvers import (
    FittingPlan,
    PerceptronCorrection,
    ResidualSamples,
    nominal_trajectories,
    perceptron_map,
)
from suite.solvers import CountedField, explicit_methods

_DIMENSIONS = 2


def flow_case(flow: nn.Module, name: str, settings: ParetoSettings, meter: Meter) -> ParetoCase:
    """Return the case of sampling a trained flow in double precision.

    The state is a point alone: a direct network has no log-density to offer, and who wants samples does not pay for it.

    Args:
        flow: A trained flow.
        name: Of its target.
        settings: Say how large.
        meter: Gives random numbers, and measures the solve of the pool.

    Raises:
        TypeError: When the model is no flow.
    """
    if not isinstance(flow, ContinuousFlow):
        raise TypeError(f"a trained flow is a ContinuousFlow, not {type(flow).__name__}")
    field = CountedField(flow.field.double().to(meter.device).requires_grad_(requires_grad=False))
    starts, others = (
        gaussian_samples(count, generator=meter.generator(stream), dtype=torch.float64).to(meter.device)
        for stream, count in (("base samples", settings.samples), ("pool", settings.pool))
    )
    exact = nominal_trajectories(field, starts, (0.0, 1.0), method="dopri8", tolerance=settings.reference_tolerance)
    with torch.no_grad(), meter.macs() as evaluation:
        field(torch.zeros((), dtype=torch.float64, device=meter.device), starts[:1])
    efforts = Efforts(settings.steps, settings.tolerances, settings.fitted_steps, settings.hyper_steps)
    field.reset()
    with meter.wall_time() as seconds:
        pool = nominal_trajectories(field, others, efforts.grid, tolerance=settings.teacher_tolerance)
    return ParetoCase(
        name=name,
        field=field,
        evaluation_macs=evaluation.value,
        starts=starts,
        ends=exact.states[-1],
        pool=pool,
        pool_work=Work(field.nfe * settings.pool * evaluation.value, seconds.value),
        correction=lambda base, samples: _correction(base, samples, settings),
        direct=lambda budget: _direct(budget).to(meter.device),
        plan=FittingPlan(
            iterations=settings.iterations,
            batch=settings.batch,
            learning_rate=settings.learning_rate,
            last_learning_rate=settings.last_learning_rate,
            weight_decay=settings.weight_decay,
            gradient_norm=settings.gradient_norm,
        ),
        efforts=efforts,
    )


def _correction(base: str, samples: ResidualSamples, settings: ParetoSettings) -> nn.Module:
    stages = explicit_methods()[base].tableau.stages
    correction = PerceptronCorrection(_DIMENSIONS, stages, FORM, settings.hidden, nn.PReLU)
    correction = correction.double().to(samples.residuals.device)
    correction.standardise(samples)
    return correction


def _direct(budget: float) -> nn.Module:
    # Of 2 -> w -> w -> 2: w^2 + 4 w.
    width = max(1, math.floor(math.sqrt(budget + _DIMENSIONS**2) - _DIMENSIONS))
    return perceptron_map(_DIMENSIONS, width).double()
