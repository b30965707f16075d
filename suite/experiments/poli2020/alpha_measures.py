"""Errors at the end of depth over the second-order family, and at the operations of HyperMidpoint."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from suite.declarations import Meter
from suite.experiments.poli2020.image_errors import terminal_error
from suite.experiments.poli2020.image_problem import ImageProblem
from suite.experiments.poli2020.image_sizes import operations_of
from suite.models import parameter_count
from suite.solvers.hyper import NetworkCorrection
from suite.solvers.methods import MethodName

_SMALLEST = 1e-12


def record_member(
    problem: ImageProblem, method: MethodName, alpha: float, steps: int, meter: Meter
) -> tuple[float, float]:
    """Record errors of one member; return its mean relative error, and what the released code has in its place."""
    found = problem.solved(method, steps)
    error = terminal_error(found, problem.ends)
    meter.record("relative_error", error.mean_relative, "1", alpha=alpha)
    meter.record("median_relative_error", error.median_relative, "1", alpha=alpha)
    meter.record("relative_l2_error", error.relative_l2, "1", alpha=alpha)
    released = released_error(found, problem.ends)
    meter.record("released_error", released, "1", alpha=alpha)
    return error.mean_relative, released


def released_error(found: Tensor, exact: Tensor) -> float:
    """Return the released notebook's error of the base solver, which is none: the last sample's state is subtracted.

    ``|z - exact of the last sample| / |exact|``, the mean over samples, channels and pixels of ``[n, c, h, w]``.
    """
    distances = (found.double() - exact[-1]).abs()
    return float((distances / exact.abs().clamp(min=_SMALLEST)).mean())


@torch.no_grad()
def record_equal_operations(problem: ImageProblem, method: MethodName, steps: int, share: float, meter: Meter) -> None:
    """Record errors of a method with at most the operations of HyperMidpoint.

    Args:
        problem: The test images.
        method: The method.
        steps: How many it can afford.
        share: What they use of the operations.
        meter: Where to record.
    """
    error = terminal_error(problem.solved(method, steps), problem.ends)
    meter.record("equal_operations_error", error.relative_l2, "1")
    meter.record("equal_operations_relative_error", error.mean_relative, "1")
    meter.record("operations_share", share, "1")
    meter.record("equal_operations_steps", steps, "steps")


def record_sizes(
    field: nn.Module, correction: NetworkCorrection, state: Tensor, meter: Meter, suffix: str = ""
) -> float:
    """Record parameters and operations of a correction of a two-stage method; return the latter in evaluations.

    Args:
        field: The field that a step evaluates twice.
        correction: ``g``.
        state: One image's, shape ``[1, channels, h, w]``.
        meter: Where to record.
        suffix: At the end of the names of the metrics.
    """
    operations = operations_of(field, correction, state, meter)
    meter.record(f"correction_parameters{suffix}", parameter_count(correction), "1")
    meter.record(f"correction_operations{suffix}", operations.correction / 1e6, "MMAC")
    meter.record(f"overhead{suffix}", 1 + operations.overhead / 2, "1")
    return operations.overhead
