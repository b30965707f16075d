"""What is recorded of samples: their distance from the converged ones, point by point and as a distribution."""

from __future__ import annotations

import torch
from torch import Tensor

from suite.datasets.planar_targets import MODE_DEVIATION, MODE_RADIUS, MODES
from suite.declarations import Axis, Meter
from suite.experiments.poli2020.fig1_flow import SamplingProblem
from suite.experiments.rounding import significant

_DIRECTIONS = 32


def record_scores(problem: SamplingProblem, found: Tensor, evaluations: float, meter: Meter, **axes: Axis) -> None:
    """Record errors of ends ``[n, 3]``, or ``[n, 2]`` without a log-density.

    Args:
        problem: What they should be.
        found: The ends.
        evaluations: What they cost.
        meter: What to record with.
        **axes: Further axes.
    """
    named: dict[str, Axis] = {"target": problem.target, "nfe": evaluations, **axes}
    distances = torch.linalg.vector_norm(found[:, :2] - problem.ends[:, :2], dim=1)
    meter.record("sample_error", float(distances.mean()), "length", **named)
    meter.record("median_sample_error", float(distances.median()), "length", **named)
    size = torch.linalg.vector_norm(problem.ends[:, :2], dim=1)
    meter.record("relative_sample_error", float(distances.mean() / size.mean()), "1", **named)
    if found.shape[1] == 3:
        meter.record("log_density_error", float((found[:, 2] - problem.ends[:, 2]).abs().mean()), "nats", **named)
    meter.record("sliced_wasserstein", sliced_wasserstein(found[:, :2], problem.ends[:, :2]), "length", **named)
    if problem.target == "gaussians":
        meter.record("least_mode_share", least_mode_share(found[:, :2], problem.ends[:, :2]), "1", **named)


def sliced_wasserstein(one: Tensor, other: Tensor) -> float:
    """Return the mean distance of sorted projections on directions spread over the half circle."""
    angle = torch.arange(_DIRECTIONS, dtype=one.dtype, device=one.device) * (torch.pi / _DIRECTIONS)
    directions = torch.stack([angle.cos(), angle.sin()])
    return float(((one @ directions).sort(dim=0).values - (other @ directions).sort(dim=0).values).abs().mean())


def least_mode_share(found: Tensor, exact: Tensor) -> float:
    """Return the least number of samples within three deviations of a mode, over that of the converged samples."""
    scale = (MODE_RADIUS**2 / 2 + MODE_DEVIATION**2) ** 0.5
    angle = torch.arange(MODES, dtype=found.dtype, device=found.device) * (2 * torch.pi / MODES)
    centres = MODE_RADIUS * torch.stack([angle.cos(), angle.sin()], dim=1) / scale
    counts = [
        (torch.cdist(points, centres) < 3 * MODE_DEVIATION / scale).double().sum(dim=0) for points in (found, exact)
    ]
    return float((counts[0] / counts[1].clamp(min=1)).min())


def record_picture(problem: SamplingProblem, found: Tensor, count: int, meter: Meter) -> None:
    """Record some samples for a picture."""
    for x, y in found[:count, :2].tolist():
        meter.record("sample", significant(y, 3), "length", target=problem.target, x=significant(x, 3))
