"""One training step of a network of Table 1 against its depth: bytes and seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from suite.declarations import Axis, Meter
from suite.experiments.chen2018.table1_networks import ADAPTIVE, ode_block
from suite.experiments.chen2018.table1_settings import Table1Settings
from suite.experiments.training_step import measure_training_step
from suite.models import ODEBlock


def measure_depths(
    variant: str,
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    settings: Table1Settings,
    fresh: Callable[[Table1Settings], nn.Module],
    meter: Meter,
) -> None:
    """Measure a training step of growing depth; a control has one depth, the perceptron none.

    The depth L of a residual network is its number of blocks; a network of another depth is a fresh one. The depth of
    an ODE network, the paper's L~, is the number of evaluations in one forward pass of the trained network, which grows
    as the tolerance falls. Where it is trained by the adjoint through a method that autograd can follow, a step with
    direct backpropagation at the same weights is timed beside it.

    Args:
        variant: Which network.
        model: The trained network.
        images: One batch, shape ``[batch, 1, 28, 28]``.
        labels: Its classes, shape ``[batch]``.
        settings: Depths, tolerances and repeats.
        fresh: Builds an untrained network at other settings.
        meter: Where to record.
    """
    measure = partial(measure_training_step, images=images, labels=labels, repeats=settings.probe_repeats, meter=meter)
    block = ode_block(model)
    if variant == "resnet":
        for blocks in settings.probe_blocks:
            measure(fresh(replace(settings, blocks=blocks)), depth=blocks)
    elif block is None:
        if variant != "mlp":
            measure(model, depth=0 if variant == "no-block" else 1)
    elif variant not in ADAPTIVE:
        measure(model, depth=_forward_evaluations(model, block, images))
    else:
        for tolerance in settings.probe_tolerances:
            with block.solved_by(block.method, rtol=tolerance, atol=tolerance, options=block.options):
                depth = _forward_evaluations(model, block, images)
                measure(model, depth=depth, tolerance=tolerance)
                if variant == "ode-net":
                    axes: dict[str, Axis] = {"depth": depth, "tolerance": tolerance}
                    _time_direct_steps(model, block, images, labels, settings.probe_repeats, meter, axes)


def _time_direct_steps(
    model: nn.Module,
    block: ODEBlock,
    images: Tensor,
    labels: Tensor,
    repeats: int,
    meter: Meter,
    axes: dict[str, Axis],
) -> None:
    """Record seconds of a step with direct backpropagation, after one to warm up, on the axes of ``step_seconds``."""
    block.gradient, before = "direct", block.gradient
    try:
        for repeat in range(-1, repeats):
            model.zero_grad()
            with meter.wall_time() as seconds:
                functional.cross_entropy(model(images), labels).backward()
            if repeat >= 0:
                meter.record("direct_step_seconds", seconds.value, "s", repeat=repeat, **axes)
    finally:
        block.gradient = before
        model.zero_grad()


@torch.no_grad()
def _forward_evaluations(model: nn.Module, block: ODEBlock, images: Tensor) -> int:
    block.reset_counts()
    model(images)
    return block.nfe_forward
