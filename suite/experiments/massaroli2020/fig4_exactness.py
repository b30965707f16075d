"""Whether the likelihoods of Fig. 4 are likelihoods: the trace against the determinant, and the way back."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from suite.declarations import Meter
from suite.experiments.massaroli2020.fig4_settings import Fig4Settings
from suite.models.conditional_flow import ClassDensities, ConditionalFlow, log_determinant
from suite.models.flows import gaussian_log_density


def in_double(model: ClassDensities, tolerance: float) -> ClassDensities:
    """Return a copy in double precision that differentiates through its solver."""
    exact = copy.deepcopy(model).double()
    for module in exact.modules():
        if isinstance(module, ConditionalFlow):
            module.gradient = "direct"
    exact.set_tolerance(tolerance)
    return exact


def record_log_determinants(
    model: ClassDensities, test: Tensor, names: Sequence[str], settings: Fig4Settings, meter: Meter
) -> None:
    """Record by how much the integrated trace differs from the log-determinant of the whole map, in nats.

    ``jacobian_nll`` is the negative log-likelihood with the true determinant. For a flow it is the same; for a map that
    is not injective even that is none, as several points then have the same image.

    Args:
        model: The trained flows.
        test: Held-out points, shape ``[classes, n, 2]``.
        names: Names of the classes.
        settings: The settings.
        meter: What to record with.
    """
    exact = in_double(model, settings.exact_tolerance)
    for label, (name, points) in enumerate(zip(names, test, strict=True)):
        x = points[: settings.exact_points].double()
        image, claimed, true = log_determinant(partial(exact.flow, label), x)
        gap = (claimed - true).abs()
        meter.record("log_determinant_gap", float(gap.mean()), "nats", target=name)
        meter.record("log_determinant_gap_max", float(gap.max()), "nats", target=name)
        for metric, change in (("claimed_nll", claimed), ("jacobian_nll", true)):
            meter.record(metric, -float((gaussian_log_density(image) + change).mean()), "nats", target=name)


def record_round_trips(
    model: ClassDensities, test: Tensor, names: Sequence[str], settings: Fig4Settings, meter: Meter
) -> None:
    """Record how far points are from where they started after a way to the base and back, under the same condition."""
    for tolerance in settings.round_trip_tolerances:
        exact = in_double(model, tolerance)
        for label, (name, points) in enumerate(zip(names, test, strict=True)):
            x = points[: settings.exact_points].double()
            flow = exact.flow(label, x)
            base = flow.transport(x, torch.zeros_like(x[:, 0]), (flow.end_time, 0.0))[0][-1]
            distance = (flow.sample(base) - x).norm(dim=1)
            rms = float(distance.square().mean().sqrt())
            meter.record("round_trip_rms", rms, "length", target=name, tolerance=tolerance)
