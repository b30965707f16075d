"""Fitting the correction of a hypersolver on images, to residuals of its base solver on training images."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from suite.declarations import Axis, Meter
from suite.experiments.poli2020.image_settings import ImageSettings
from suite.experiments.rounding import significant
from suite.models.hypersolvers import FittingPlan, NominalTrajectories, TrajectoryCache, fit, nominal_trajectories
from suite.models.image_flow import convolutional_correction
from suite.solvers.hyper import Hypersolver, NetworkCorrection


def new_correction(settings: ImageSettings) -> NetworkCorrection:
    """Return the untrained correction of HyperEuler: three convolutions of state, slope and step."""
    width = settings.correction_channels
    return convolutional_correction(settings.channels, (width, width))


def fit_correction(
    hypersolver: Hypersolver,
    field: nn.Module,
    augmentation: nn.Module,
    images: Tensor,
    settings: ImageSettings,
    meter: Meter,
    **axes: Axis,
) -> None:
    """Fit the correction of a hypersolver of any base, and record the course, its time and the nominal solves.

    Args:
        hypersolver: Its correction is a module, which is fitted and then fixed.
        field: The trained ``f(s, z)``.
        augmentation: From images to states.
        images: Training images, ready for the augmentation; none is tested on.
        settings: Say how.
        meter: Gives random numbers and takes the records.
        **axes: Of the records, where several corrections are fitted.

    Raises:
        TypeError: When the correction is no module.
        FloatingPointError: When fitting diverges.
    """
    correction = hypersolver.correction
    if not isinstance(correction, nn.Module):
        raise TypeError("the correction is a module")
    cache = trajectory_cache(field, augmentation, images, settings, meter.generator("images of the correction"))
    plan = FittingPlan(
        iterations=settings.fit_iterations,
        batch=settings.fit_batch,
        learning_rate=settings.fit_learning_rate,
        last_learning_rate=settings.fit_last_learning_rate,
        weight_decay=settings.fit_weight_decay,
        gradient_norm=settings.fit_gradient_norm,
    )
    with meter.wall_time() as seconds:
        course = fit(
            hypersolver,
            field,
            cache,
            plan,
            meter.generator("residuals"),
            lambda iteration, loss: meter.progress(iteration, settings.fit_iterations, "iterations", fit_loss=loss),
            partial(meter.resumable_steps, name=" ".join(["correction", *map(str, axes.values())])),
        )
    for iteration, loss in course.items():
        meter.record("fit_loss", significant(loss, 4), "1", iteration=iteration, **axes)
    meter.record("fit_seconds", seconds.value, "s", **axes)
    meter.record("nominal_solves", cache.solves, "1", **axes)
    correction.requires_grad_(requires_grad=False)


def trajectory_cache(
    field: nn.Module, augmentation: nn.Module, images: Tensor, settings: ImageSettings, generator: torch.Generator
) -> TrajectoryCache:
    """Return trajectories of training images on the grid that corrections are fitted on, solved once for each batch."""
    times = [step / settings.fit_steps for step in range(settings.fit_steps + 1)]

    @torch.no_grad()
    def draw() -> Tensor:
        index = torch.randint(len(images), (settings.fit_images,), generator=generator).to(images.device)
        states: Tensor = augmentation(images[index])
        return states

    def solved(z0: Tensor) -> NominalTrajectories:
        return nominal_trajectories(field, z0, times, tolerance=settings.fit_tolerance)

    return TrajectoryCache(draw, solved, settings.fit_refresh)
