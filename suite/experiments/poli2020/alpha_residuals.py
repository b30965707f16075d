"""Residuals of the second-order family on test images, beside the predicted ones and beside a correction."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn

from suite.declarations import Axis, Meter
from suite.experiments.poli2020.alpha_prediction import ElementaryDifferentials, elementary_differentials
from suite.experiments.poli2020.alpha_settings import AlphaSettings
from suite.experiments.poli2020.image_problem import ImageProblem
from suite.models.hypersolvers import NominalTrajectories, nominal_trajectories, residual_norms, residual_samples
from suite.solvers.hyper import NetworkCorrection
from suite.solvers.tableaus import alpha_family


def _trajectories(field: nn.Module, problem: ImageProblem, steps: int, settings: AlphaSettings) -> NominalTrajectories:
    starts = problem.starts[: settings.residual_images].double()
    times = [k / steps for k in range(steps + 1)]
    return nominal_trajectories(field, starts, times, method="dopri8", tolerance=settings.residual_tolerance)


@torch.no_grad()
def record_residuals(problem: ImageProblem, settings: AlphaSettings, meter: Meter) -> None:
    """Record, for every member and step, the residual, the prediction, how far they differ, and the shift from 1/2."""
    field = deepcopy(problem.field).double()
    for number, steps in enumerate(settings.residual_steps):
        meter.progress(number, len(settings.residual_steps), "step sizes")
        trajectories = _trajectories(field, problem, steps, settings)
        predicted = elementary_differentials(field, trajectories.states[:-1].flatten(0, 1))
        middle = residual_samples(alpha_family(settings.trained_alpha), field, trajectories).residuals
        for alpha in settings.alphas:
            found = residual_samples(alpha_family(alpha), field, trajectories).residuals
            axes: dict[str, Axis] = {"alpha": alpha, "step": 1 / steps}
            meter.record("residual_norm", _norm(found), "1", **axes)
            meter.record("predicted_residual_norm", _norm(predicted.residual(alpha)), "1", **axes)
            discrepancy = _norm(found - predicted.residual(alpha)) / _norm(found)
            meter.record("residual_discrepancy", discrepancy, "1", **axes)
            if alpha != settings.trained_alpha:
                shift = _norm(predicted.shift(alpha, settings.trained_alpha))
                meter.record("shift_ratio", _norm(found - middle) / shift, "1", **axes)


@torch.no_grad()
def record_delta(
    correction: NetworkCorrection, problem: ImageProblem, steps: int, settings: AlphaSettings, meter: Meter
) -> None:
    """Record ``||R_alpha - g||`` of one correction for every member, and what its error at 1/2 and the shift add up to.

    Args:
        correction: ``g``, fitted at the trained member.
        problem: The test images.
        steps: At which it was fitted.
        settings: The members.
        meter: Where to record.
    """
    field, exact = deepcopy(problem.field).double(), deepcopy(correction).double()
    trajectories = _trajectories(field, problem, steps, settings)
    predicted = elementary_differentials(field, trajectories.states[:-1].flatten(0, 1))
    delta = {
        alpha: float(residual_norms(exact, residual_samples(alpha_family(alpha), field, trajectories)).mean())
        for alpha in settings.alphas
    }
    for alpha, value in delta.items():
        bound = delta[settings.trained_alpha] + _shift(predicted, alpha, settings)
        meter.record("delta", value, "1", alpha=alpha)
        meter.record("predicted_delta", bound, "1", alpha=alpha)
    meter.record("best_delta_alpha", min(delta, key=lambda alpha: delta[alpha]), "1")


def _shift(predicted: ElementaryDifferentials, alpha: float, settings: AlphaSettings) -> float:
    return _norm(predicted.shift(alpha, settings.trained_alpha))


def _norm(samples: Tensor) -> float:
    """Return the mean over samples of the Euclidean norm over all dimensions of the state."""
    return float(torch.linalg.vector_norm(samples.flatten(1), dim=1).mean())
