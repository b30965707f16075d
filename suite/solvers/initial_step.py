"""The first step size of an adaptive solve."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from suite.solvers.elementwise import Quantity, choose, limited
from suite.solvers.error_norm import ErrorScale
from suite.solvers.errors import InvalidProblemError, NonFiniteError
from suite.solvers.runge_kutta import Field
from suite.solvers.stage_sum import Time

ZERO_TOLERANCE = "atol is positive wherever the state is zero, or the tolerance there is zero"


def initial_step(
    field: Field,
    t: float,
    direction: int,
    y: Tensor,
    f0: Tensor,
    order: int,
    scale: ErrorScale,
    sizes: Tensor | None = None,
) -> float:
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
        sizes: What :func:`starting_sizes` returns, shape ``[4]``, where the method has measured it.

    Returns:
        A positive step size.

    Raises:
        NonFiniteError: When state or field are not finite at the start.
        InvalidProblemError: When the tolerance of an entry is zero.
    """
    if torch.is_grad_enabled():
        with torch.no_grad():
            return initial_step(field, t, direction, y, f0, order, scale, sizes)
    # On the device, so that the whole search waits for it once.
    if sizes is None:
        sizes = torch.stack(starting_sizes(field, t, direction, y, f0, scale))
    numbers: list[float] = sizes.tolist()
    y_number, f_number, second, first = numbers
    for what, size in (("state", y_number), ("vector field", f_number)):
        if not math.isfinite(size):
            if bool((scale.controlled(y).isfinite() & scale.controlled(f0).isfinite()).all()):
                raise InvalidProblemError(ZERO_TOLERANCE)
            raise NonFiniteError(f"the {what} is not finite at t = {t:g}", t)
    return starting_step(f_number, second, first, order)


def starting_sizes(
    field: Field, t: Time, direction: int | Tensor, y: Tensor, f0: Tensor, scale: ErrorScale
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the sizes of the state and of its first two derivatives, and a trial step: what the norm makes of them.

    Time and direction are numbers, or columns ``[batch, 1, ..., 1]`` where the norm gives one number a sample. Costs
    one evaluation of the field.
    """
    allowed = scale.scale(scale.magnitude(y))
    size_y = scale.measure(scale.controlled(y), allowed)
    size_f = scale.measure(scale.controlled(f0), allowed)
    trial = (0.01 * size_y / size_f).masked_fill_(torch.minimum(size_y, size_f) < 1e-5, 1e-6)
    signed = trial * direction
    f1 = field(signed + t, torch.addcmul(y, f0, signed.to(y.dtype)))
    return size_y, size_f, scale.measure(scale.controlled(f1 - f0), allowed) / trial, trial


def starting_step(slope: Quantity, curvature: Quantity, trial: Quantity, order: int) -> Quantity:
    """Return the first step size from the sizes of the first two derivatives and the trial step."""
    largest = choose(slope > curvature, slope, curvature)
    steepest = choose(curvature < math.inf, largest, math.inf)
    by_order = (0.01 / limited(steepest, 1e-15, math.inf)) ** (1 / (order + 1))
    explicit = choose(steepest <= 1e-15, limited(trial * 1e-3, 1e-6, math.inf), by_order)
    smaller = choose(explicit < 100 * trial, explicit, 100 * trial)
    return choose(smaller > 0, smaller, trial)
