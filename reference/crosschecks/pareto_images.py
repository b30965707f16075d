"""The Pareto case of an image classifier's Neural ODE: from the features of test images to those at depth 1."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import nn

from reference.crosschecks.pareto_case import Efforts, ParetoCase, Work
from reference.crosschecks.pareto_settings import ParetoSettings
from suite.datasets import ImageClassification
from suite.declarations import Meter
from suite.experiments.poli2020.image_data import prepared
from suite.experiments.poli2020.image_problem import image_problem
from suite.experiments.poli2020.image_settings import ImageSettings
from suite.models.hypersolvers import DirectMap, FittingPlan, nominal_trajectories
from suite.models.image_flow import convolutional_correction
from suite.solvers import CountedField, explicit_methods

_KERNEL = 3


def image_case(
    model: nn.Module,
    name: str,
    data: ImageClassification,
    settings: ParetoSettings,
    images: ImageSettings,
    meter: Meter,
) -> ParetoCase:
    """Return the case of a trained classifier's field, in single precision.

    Args:
        model: The classifier.
        name: Of its data set.
        data: The data set.
        settings: Say at what efforts, and on how many images.
        images: Those that the classifier was trained at: of its data, and of how a correction is fitted.
        meter: Measures the solve of the pool.
    """
    few = replace(images, train_images=settings.image_pool, test_images=settings.image_samples, mapped_images=1)
    data = prepared(data, few, meter)
    problem = image_problem(model, data, few)
    field, starts = CountedField(problem.field), problem.starts
    efforts = Efforts(
        settings.image_steps, settings.image_tolerances, settings.image_fitted_steps, settings.image_hyper_steps
    )
    with torch.no_grad():
        others = torch.cat([problem.augmentation(part) for part in torch.split(data.train_images, problem.batch_size)])
        with meter.macs() as evaluation:
            field(torch.zeros((), device=meter.device), starts[:1])
    field.reset()
    with meter.wall_time() as seconds:
        pool = nominal_trajectories(field, others, efforts.grid, tolerance=images.fit_tolerance)
    pixels = starts.shape[2] * starts.shape[3]
    return ParetoCase(
        name=name,
        field=field,
        evaluation_macs=evaluation.value,
        starts=starts,
        ends=problem.ends,
        pool=pool,
        pool_work=Work(field.nfe * len(others) * evaluation.value, seconds.value),
        correction=lambda base, _: _correction(base, images).to(meter.device),
        direct=lambda budget: _direct(budget, images.channels, pixels).to(meter.device),
        plan=FittingPlan(
            iterations=settings.image_iterations,
            batch=settings.image_batch,
            learning_rate=images.fit_learning_rate,
            last_learning_rate=images.fit_last_learning_rate,
            weight_decay=images.fit_weight_decay,
            gradient_norm=images.fit_gradient_norm,
        ),
        efforts=efforts,
    )


def _correction(base: str, images: ImageSettings) -> nn.Module:
    """Return the correction of ``poli2020/mnist`` or ``cifar10`` for any base, which sees all of its stages."""
    stages = explicit_methods()[base].tableau.stages
    width = images.correction_channels
    return convolutional_correction(images.channels, (width, width), parts=("state", "stages", "step"), stages=stages)


def _direct(budget: float, channels: int, pixels: int) -> nn.Module:
    # Of c -> w -> w -> c: (w^2 + 2 c w) products for each pixel and entry of the kernel.
    products = budget / (pixels * _KERNEL**2)
    width = max(1, math.floor(math.sqrt(products + channels**2) - channels))
    widths = ((channels, width), (width, width), (width, channels))
    first, second, third = (nn.Conv2d(before, after, _KERNEL, padding=1) for before, after in widths)
    return DirectMap(nn.Sequential(first, nn.SiLU(), second, nn.SiLU(), third))
