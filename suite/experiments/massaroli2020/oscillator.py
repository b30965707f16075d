"""The harmonic oscillator: learned from positions alone, and followed exactly as a system of any order."""

from __future__ import annotations

import math

import numpy as np
import torch
from sklearn.isotonic import isotonic_regression
from torch import Tensor, nn

from suite.declarations import Meter
from suite.experiments.massaroli2020.higher_order_settings import HigherOrderSettings
from suite.experiments.rounding import significant
from suite.models.order_networks import KINDS, HarmonicField, harmonic_start
from suite.solvers import CountedField, solve

PERIOD = 2 * math.pi
_REPORTED_EVERY = 10
_DRAWN = 3


def learn_oscillator(kind: str, settings: HigherOrderSettings, meter: Meter, *, with_picture: bool) -> None:
    """Learn ``q(t) = q(0) cos t`` of starts at rest from positions over one period, and test it over two.

    A field of first order on the position alone cannot turn back: its path is monotone, which bounds its error below
    whatever its parameters. The bound is that of the best monotone sequence for each path.

    Raises:
        FloatingPointError: When the loss is no longer finite.
    """
    parts = KINDS[kind]
    with meter.initialisation():
        field = parts.field(1, settings.hidden).to(meter.device, torch.float64)
    start_of = parts.start(1)
    optimiser = torch.optim.Adam(field.parameters(), lr=settings.learning_rate)
    starts = _starts(settings.oscillator_starts, meter, "oscillator")
    times = torch.linspace(0, PERIOD, settings.oscillator_times, dtype=torch.float64)
    target = _truth(starts, times)
    steps = settings.oscillator_iterations
    for iteration in meter.resumable_steps(steps, "oscillator", model=field, optimiser=optimiser):
        optimiser.zero_grad()
        path = _solved(field, start_of(starts), times, settings.tolerance)
        loss = (path[..., :1] - target).square().mean()
        loss.backward()
        optimiser.step()
        if iteration % _REPORTED_EVERY == 0:
            value = loss.item()
            if not math.isfinite(value):
                raise FloatingPointError(f"oscillator: the loss is {value} at iteration {iteration}")
            meter.progress(iteration, settings.oscillator_iterations, "iterations of the oscillator", loss=value)
    with torch.no_grad():
        _test(field, start_of, times, settings, meter, with_picture=with_picture)


def _test(
    field: nn.Module,
    start_of: nn.Module,
    first: Tensor,
    settings: HigherOrderSettings,
    meter: Meter,
    *,
    with_picture: bool,
) -> None:
    starts = _starts(settings.oscillator_test, meter, "test oscillator")
    times = torch.cat([first, first[1:] + PERIOD])
    counted = CountedField(field)
    path = _solved(counted, start_of(starts), times, settings.tolerance)
    truth = _truth(starts, times)
    errors = (path[..., :1] - truth).square().mean(dim=(1, 2))
    split = len(first)
    for part, mean in (("seen period", errors[:split].mean()), ("next period", errors[split:].mean())):
        meter.record("oscillator_mse", float(mean), "length^2", part=part)
    floor = _monotone_floor(truth[:split])
    meter.record("monotone_floor", floor, "length^2")
    meter.record("over_monotone_floor", float(errors[:split].mean()) / floor, "1")
    meter.record("oscillator_nfe", counted.nfe, "evaluations")
    velocity = torch.stack([field(t, z) for t, z in zip(times, path, strict=True)])[..., :1]
    energy = (path[..., :1].square() + velocity.square()) / 2
    drift = (energy - energy[:1]).abs().amax(dim=0) / (truth[0].square() / 2)
    meter.record("energy_drift", float(drift.mean()), "1")
    if with_picture:
        for sample in range(min(_DRAWN, len(starts))):
            for t, q in zip(times.tolist(), path[:, sample, 0].tolist(), strict=True):
                axes = {"sample": sample, "t": significant(t, 4), "start": significant(float(starts[sample]), 4)}
                meter.record("position", significant(q, 3), "length", **axes)


@torch.no_grad()
def follow_exactly(order: int, settings: HigherOrderSettings, meter: Meter) -> None:
    """Follow ``d^n q/dt^n = +-q`` from ``cos`` and its derivatives, beside ``cos`` and the exponential of its matrix.

    Beyond order 2 other solutions grow as ``exp(t cos(pi / n))``, and so do errors: ``growth`` is that factor, and
    ``scaled_error`` the error over it.
    """
    field = HarmonicField(order)
    start = harmonic_start(order)
    # Over one period where errors grow: after five of them nothing would be left of order ten.
    end = PERIOD * (settings.exact_periods if order == 2 else 1)
    exact = math.cos(end)
    by_matrix = torch.linalg.matrix_exp(end * field.companion()) @ start[0]
    growth = math.exp(end * max(0.0, float(torch.linalg.eigvals(field.companion()).real.max())))
    times = torch.tensor([0.0, end], dtype=torch.float64)
    meter.record("growth", growth, "1", order=order)
    meter.record("matrix_error", float((by_matrix - start[0]).abs().max()) / growth, "1", order=order)
    for tolerance in settings.exact_tolerances:
        counted = CountedField(field)
        end_state = _solved(counted, start, times, tolerance)[-1, 0]
        axes = {"order": order, "tolerance": tolerance}
        error = abs(float(end_state[0]) - exact)
        meter.record("exact_error", error, "1", **axes)
        meter.record("scaled_error", error / growth, "1", **axes)
        meter.record("exact_nfe", counted.nfe, "evaluations", **axes)
        if order == 2:
            energy = float(end_state.square().sum()) / 2
            meter.record("exact_energy_drift", abs(energy / 0.5 - 1), "1", **axes)


def _solved(field: nn.Module, start: Tensor, times: Tensor, tolerance: float) -> Tensor:
    states = solve(field, start, times, method="dopri5", rtol=tolerance, atol=tolerance).states
    if not isinstance(states, Tensor):
        raise TypeError("the state is one tensor")
    return states


def _starts(count: int, meter: Meter, stream: str) -> Tensor:
    """Draw positions at rest between 0.5 and 1.5, on either side: ``[count, 1]``."""
    draws = torch.rand(2, count, 1, generator=meter.generator(stream), dtype=torch.float64)
    return (torch.where(draws[0] < 0.5, -1.0, 1.0) * (0.5 + draws[1])).to(meter.device)


def _truth(starts: Tensor, times: Tensor) -> Tensor:
    return times.cos().to(starts.device)[:, None, None] * starts


def _monotone_floor(truth: Tensor) -> float:
    """Return the mean squared error of the best monotone sequence for each path, of paths ``[times, n, 1]``."""
    errors = []
    for path in truth[..., 0].T.cpu().numpy():
        fits = (isotonic_regression(path, increasing=rising) for rising in (True, False))
        errors.append(min(float(np.mean((fit - path) ** 2)) for fit in fits))
    return float(np.mean(errors))
