"""The generalised adjoint of an integral loss against autograd through the state with its integral beside it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from suite.declarations import Meter
from suite.experiments.massaroli2020.tracking import integral_loss
from suite.models.two_layer_fields import DepthDependent


def measure_gradient(
    field: DepthDependent,
    z0: Tensor,
    tolerances: Sequence[float],
    reference_tolerance: float,
    meter: Meter,
    metric: str,
) -> None:
    """Record the relative error of the adjoint's gradient, in the norm over all parameters, by tolerance.

    Args:
        field: The field, of which a copy in double precision is differentiated.
        z0: Initial states, shape ``[n, 2]``.
        tolerances: Relative and absolute tolerances of the adjoint, forwards and backwards.
        reference_tolerance: That of the forward solve which autograd goes through.
        meter: Where to record.
        metric: The name of the error.
    """
    exact = copy.deepcopy(field).double()
    gradient = partial(_gradient, exact, z0.double())
    reference = gradient(reference_tolerance, "direct")
    size = float(reference.norm())
    meter.record(f"{metric}_size", size, "1")
    for tolerance in tolerances:
        error = float((gradient(tolerance, "adjoint") - reference).norm())
        meter.record(metric, error / size, "1", tolerance=tolerance)


def _gradient(field: DepthDependent, z0: Tensor, tolerance: float, gradient: str) -> Tensor:
    field.zero_grad(set_to_none=False)
    loss = integral_loss(field, z0, method="dopri5", rtol=tolerance, atol=tolerance, gradient=gradient)
    loss.backward()
    zero = [torch.zeros_like(each) if each.grad is None else each.grad for each in field.parameters()]
    return torch.cat([each.flatten() for each in zero]).clone()
