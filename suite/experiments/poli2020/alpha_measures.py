"""Errors at the end of depth over the second-order family, and at the operations of HyperMidpoint."""

from __future__ import annotations

import torch
from torch import Tensor

from suite.declarations import Meter
from suite.experiments.poli2020.image_errors import terminal_error
from suite.experiments.poli2020.image_problem import ImageProblem
from suite.solvers.methods import MethodName

_SMALLEST = 1e-12


def record_member(
    problem: ImageProblem, method: MethodName, alpha: float, steps: int, meter: Meter
) -> float:  # fmt: skip
    """Record and return the mean relative error of one member, against every sample's own exact state."""
    found = problem.solved(method, steps)
    error = terminal_error(found, problem.ends)
    meter.record("relative_error", error.mean_relative, "1", alpha=alpha)
    meter.record("median_relative_error", error.median_relative, "1", alpha=alpha)
    meter.record("relative_l2_error", error.relative_l2, "1", alpha=alpha)
    released = released_error(found, problem.ends)
    meter.record("released_error", released, "1", alpha=alpha)
    return error.mean_relative


def released_error(found: Tensor, exact: Tensor) -> float:
    """Return the released notebook's error of the base solver, which is none: the last sample's state is subtracted.

    ``|z - exact of the last sample| / |exact|``, the mean over samples, channels and pixels of ``[n, c, h, w]``.
    """
    distances = (found.double() - exact[-1]).abs()
    return float((distances / exact.abs().clamp(min=_SMALLEST)).mean())


@torch.no_grad()
def record_equal_operations(
    problem: ImageProblem, method: MethodName, steps: int, share: float, meter: Meter
) -> None:  # fmt: skip
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
