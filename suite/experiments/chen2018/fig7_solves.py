"""The integral of an intensity as a state of the solve: its error, its cost, and event times read off cubics."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from suite.datasets.poisson_events import HORIZON, EventSequences
from suite.declarations import Axis, Meter
from suite.models.point_process import LatentIntensity
from suite.solvers import solve

_NODES = 24  # of Gauss and Legendre in each of as many intervals as the solve has
_FINER = 1e-3  # the reference's tolerance over the tightest that is compared
_COMPARED = 2


@torch.no_grad()
def record_solves(
    model: LatentIntensity,
    z0: Tensor | None,
    events: EventSequences,
    tolerances: tuple[float, ...],
    name: str,
    meter: Meter,
) -> None:
    """Record the integral's error and the evaluations against tolerance, and what reading events off cubics costs.

    The reference solves the latent state alone, to a tolerance a thousand times tighter than the tightest: the integral
    is a quadrature at its outputs, and the intensities at the events are taken at outputs of their own.

    Args:
        model: The trained latent intensity.
        z0: Initial states of the sequences, None where all share one.
        events: The sequences; the first few are compared.
        tolerances: Tolerances of the solve.
        name: The value of the axis ``intensity``.
        meter: What to record with.
    """
    trained = model.tolerance
    start = model.initial if z0 is None else z0[:1]
    finest = _FINER * min(tolerances)
    reference = _integral(model, start, finest)
    for tolerance in tolerances:
        model.tolerance = tolerance
        integral = float(model(HORIZON, start).integral[-1, 0])
        joint, alone = model.evaluations(HORIZON, start)
        axes: dict[str, Axis] = {"intensity": name, "tolerance": tolerance}
        meter.record("integral_error", abs(integral / reference - 1), "1", **axes)
        meter.record("nfe_with_integral", joint, "evaluations", **axes)
        meter.record("nfe_alone", alone, "evaluations", **axes)
    model.tolerance = finest
    worst = 0.0
    for sequence in range(min(_COMPARED if z0 is None else 1, len(events))):
        own = start if z0 is None else z0[sequence : sequence + 1]
        times = events.times[sequence][events.mask[sequence]]
        if len(times):
            read = model(HORIZON, own).rate_at(times.unsqueeze(0)).log()
            difference = read.squeeze(0) - model.rate(_states(model, own, times.cpu(), finest)).squeeze(-1).log()
            worst = max(worst, abs(float(difference.sum())))
    meter.record("reading_error", worst, "nats", intensity=name)
    model.tolerance = trained


def _states(model: LatentIntensity, start: Tensor, times: Tensor, tolerance: float) -> Tensor:
    """Return the latent states of one trajectory at given times, each an output of the solve: ``[n, 1, latent]``."""
    outputs = torch.cat([torch.zeros(1, dtype=torch.float64), times])
    solution = solve(model.field, start, outputs, method="dopri5", rtol=tolerance, atol=tolerance)
    states = solution.states
    if not isinstance(states, Tensor):
        raise TypeError("the latent state is one tensor")
    return states[1:]


def _integral(model: LatentIntensity, start: Tensor, tolerance: float) -> float:
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    edges = np.linspace(0.0, HORIZON, math.ceil(model.intervals / 4) + 1)
    half = np.diff(edges) / 2
    times = (edges[:-1, None] + half[:, None] * (nodes + 1)).ravel()
    rates = model.rate(_states(model, start, torch.from_numpy(times), tolerance)).squeeze(-1).cpu().numpy()
    return float((rates * (half[:, None] * weights).ravel()).sum())
