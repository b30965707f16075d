"""Solves of a trained field in a lower precision, beside those of the same field in float32 and the exact one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from copy import deepcopy

import torch
from torch import Tensor, nn

from reference.crosschecks.tf32_products import tf32_products
from suite.declarations import Meter
from suite.experiments.throughput import Throughput
from suite.models import ODEBlock
from suite.solvers import odeint


@contextmanager
def arithmetic(throughput: Throughput, device: torch.device, *models: nn.Module) -> Iterator[None]:
    """Compute the passes of some networks in a precision inside the block; a CPU rounds as TF32 where it has to."""
    rounded = throughput.precision == "tf32" and device.type == "cpu"
    with throughput.passes_of(*models), tf32_products() if rounded else nullcontext():
        yield


@torch.no_grad()
def measure_solves(
    block: ODEBlock,
    starts: Tensor,
    throughput: Throughput,
    *,
    tolerances: Sequence[float],
    reference_tolerance: float,
    meter: Meter,
) -> None:
    """Record error and evaluations of a solve against its tolerance, in a precision and in float32.

    ``solve_error`` and ``float32_error`` are norms of the error of the state at depth 1, relative to the norm of its
    change: that of the field's own relative error, where nothing else errs. ``solve_nfe`` and ``float32_nfe`` are the
    evaluations.

    Args:
        block: The trained block; its weights are float32.
        starts: States to solve from, shape ``[n, channels, h, w]``.
        throughput: The precision.
        tolerances: Absolute and relative, of the block's method.
        reference_tolerance: Of dopri5 in double precision, which stands for the exact solution.
        meter: Where to record.
    """
    # Without its counter, which the reference is not to move.
    field = deepcopy(block.counted.vector_field)
    if not isinstance(field, nn.Module):
        raise TypeError("the field is a module")
    exact = odeint(
        field.double(),
        starts.double(),
        torch.tensor([0.0, 1.0], dtype=torch.float64),
        rtol=reference_tolerance,
        atol=reference_tolerance,
        method="dopri5",
    )[-1]
    if not isinstance(exact, Tensor):
        raise TypeError("the state is a tensor")
    change = (exact - starts).norm()
    ways = {"solve": throughput, "float32": Throughput(memory_format=throughput.memory_format)}
    for tolerance in tolerances:
        for name, way in ways.items():
            block.reset_counts()
            with (
                arithmetic(way, meter.device, block),
                block.solved_by(block.method, rtol=tolerance, atol=tolerance, options=block.options),
            ):
                end = block(starts)
            error = float((end.double() - exact).norm() / change)
            meter.record(f"{name}_error", error, "1", tolerance=tolerance)
            meter.record(f"{name}_nfe", block.nfe_forward, "evaluations", tolerance=tolerance)
