"""What a continuous flow costs: against its width, and backwards against forwards (Chen et al. 2018, section 4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from suite.declarations import Meter
from suite.experiments.chen2018.determinants import WideLayer, log_determinant_by_products
from suite.models.flow_ensembles import GatedEnsemble
from suite.models.flows import ContinuousFlow, PlanarField

ELIMINATED = 128
"""Largest width of which the elimination that is counted is also carried out."""


@torch.no_grad()
def measure_widths(
    make: Callable[[int], PlanarField], widths: Sequence[int], batch_size: int, repeats: int, meter: Meter
) -> None:
    """Count and time an evaluation of width M with its trace, and the determinant of a layer of width M, for one point.

    The evaluation is written with matrix products alone, so that all of it is counted. An elimination is counted on the
    meta device, where it takes no time. ``log_density_error`` is the largest difference between the ways to one
    determinant, up to the width ``ELIMINATED``.
    """
    worst = 0.0
    for width in widths:
        field, t = GatedEnsemble([make(width)]), torch.tensor(0.5, dtype=torch.float64)
        states = torch.randn(1, 3, batch_size, generator=meter.generator("states"), dtype=torch.float64)
        evaluate = partial(field, t, states.to(meter.device))
        layer = WideLayer.random(width, 2, meter.generator("layers"), meter.device)
        matrix = layer.wide()
        with meter.macs() as evaluation:
            evaluate()
        with meter.macs() as determinant:
            log_determinant_by_products(matrix.to("meta"))
        with meter.macs() as narrow:
            by_products = log_determinant_by_products(layer.narrow())
        meter.record("evaluation_macs", evaluation.value / batch_size, "MAC", width=width)
        meter.record("determinant_macs", determinant.value, "MAC", width=width)
        meter.record("narrow_determinant_macs", narrow.value, "MAC", width=width)
        meter.record("evaluation_seconds", fastest(evaluate, repeats, meter) / batch_size, "s", width=width)
        seconds = fastest(partial(torch.linalg.slogdet, matrix), repeats, meter)
        meter.record("determinant_seconds", seconds, "s", width=width)
        ways = [torch.linalg.slogdet(matrix).logabsdet]
        if width <= ELIMINATED:
            ways.append(log_determinant_by_products(matrix))
        worst = max([worst, *(float((by_products - other).abs()) for other in ways)])
        meter.progress(width, widths[-1], "units")
    meter.record("log_density_error", worst, "nats")


@torch.no_grad()
def measure_reversal(
    make: Callable[[float], ContinuousFlow],
    z0: Tensor,
    log_density: Tensor,
    tolerances: Sequence[float],
    repeats: int,
    meter: Meter,
) -> None:
    """Solve forwards and back at each tolerance: evaluations, seconds, and by how much points and densities miss.

    Args:
        make: Gives the flow of a tolerance.
        z0: Points of the base density, ``[n, d]``.
        log_density: Their log-densities, ``[n]``.
        tolerances: From the largest to the smallest; ``log_density_error`` is that of the last.
        repeats: Timed repeats of each direction.
        meter: Where to record.
    """
    error = float("nan")
    for tolerance in tolerances:
        flow = make(tolerance)
        forward = partial(flow.transport, z0, log_density, (0.0, flow.end_time))
        states, log_densities = forward()
        meter.record("nfe_forward", flow.nfe_forward, "evaluations", tolerance=tolerance)
        flow.reset_counts()
        reverse = partial(flow.transport, states[-1], log_densities[-1], (flow.end_time, 0.0))
        returned, returned_densities = reverse()
        meter.record("nfe_reverse", flow.nfe_forward, "evaluations", tolerance=tolerance)
        meter.record("seconds_forward", fastest(forward, repeats, meter), "s", tolerance=tolerance)
        meter.record("seconds_reverse", fastest(reverse, repeats, meter), "s", tolerance=tolerance)
        meter.record("return_error", float((returned[-1] - z0).abs().max()), "1", tolerance=tolerance)
        error = float((returned_densities[-1] - log_density).abs().max())
        meter.record("return_density_error", error, "nats", tolerance=tolerance)
    meter.record("log_density_error", error, "nats")


def fastest(call: Callable[[], object], repeats: int, meter: Meter) -> float:
    """Return the seconds of the fastest of some calls, after one to warm up."""
    call()
    seconds = []
    for _ in range(repeats):
        with meter.wall_time() as reading:
            call()
        seconds.append(reading.value)
    return min(seconds)
