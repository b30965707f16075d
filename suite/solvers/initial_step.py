"""The first step size of an adaptive solve."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from suite.solvers.error_norm import ErrorScale
from suite.solvers.errors import InvalidProblemError, NonFiniteError
from suite.solvers.runge_kutta import Field


def initial_step(field: Field, t: float, direction: int, y: Tensor, f0: Tensor, order: int, scale: ErrorScale) -> float:
    """Choose a first step from the sizes of the state and of its first two derivatives.

    Hairer, Norsett and Wanner, *Solving Ordinary Differential Equations I*, section II.4, "starting step size". Costs
    one evaluation of the field.

    Args:
        field: Vector field on the packed state.
        t: Time at the start.
        direction: 1 forwards in time, -1 backwards.
        y: State.
        f0: Field at the start.
        order: Order of the method.
        scale: Tolerances and norm.

    Returns:
        A positive step size.

    Raises:
        NonFiniteError: When state or field are not finite at the start.
        InvalidProblemError: When the tolerance of an entry is zero.
    """
    magnitude = scale.magnitude(y)
    with torch.no_grad():
        size_y = scale.measure(scale.controlled(y), magnitude)
        size_f = scale.measure(scale.controlled(f0), magnitude)
        tiny = torch.minimum(size_y, size_f) < 1e-5
        # On the device, so that the whole search waits for it once.
        trial = torch.where(tiny, 1e-6, 0.01 * size_y / size_f)
        f1 = field(t + direction * trial, torch.addcmul(y, f0, direction * trial.to(y.dtype)))
        curvature = scale.measure(scale.controlled(f1 - f0), magnitude) / trial
        numbers: list[float] = torch.stack([size_y, size_f, curvature, trial]).tolist()
    y_number, f_number, second, first = numbers
    for what, size in (("state", y_number), ("vector field", f_number)):
        if not math.isfinite(size):
            if bool((scale.controlled(y).isfinite() & scale.controlled(f0).isfinite()).all()):
                raise InvalidProblemError("atol is positive wherever the state is zero, or the tolerance there is zero")
            raise NonFiniteError(f"the {what} is not finite at t = {t:g}", t)
    steepest = max(f_number, second) if math.isfinite(second) else math.inf
    explicit = max(1e-6, first * 1e-3) if steepest <= 1e-15 else math.pow(0.01 / steepest, 1 / (order + 1))
    return min(100 * first, explicit) or first
