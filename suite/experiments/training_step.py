"""Measuring one training step: what it keeps in memory and how long it takes."""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn import functional

from suite.declarations import Axis, Meter


def measure_training_step(
    model: nn.Module, images: Tensor, labels: Tensor, *, repeats: int, meter: Meter, **axes: Axis
) -> None:
    """Record memory and time of forward and backward passes on one batch; the weights do not change.

    Recorded are ``saved_bytes``, the most that autograd holds at any moment of both passes; ``step_peak_memory``, the
    device's peak over both, where the device counts it; and ``step_seconds`` of both, once for each repeat.

    Args:
        model: The classifier.
        images: Shape ``[batch, channels, height, width]``.
        labels: Classes, shape ``[batch]``.
        repeats: Timed repeats, after the first, untimed step.
        meter: Where to record.
        **axes: Axes of the recorded rows, such as the depth.
    """
    model.train()
    # The backward pass is inside, because the adjoint method builds and drops its graphs there.
    with meter.peak_memory() as peak, meter.saved_bytes() as saved:
        functional.cross_entropy(model(images), labels).backward()
    meter.record("saved_bytes", saved.value, "B", **axes)
    if not math.isnan(peak.value):
        meter.record("step_peak_memory", peak.value, "B", **axes)
    for repeat in range(repeats):
        model.zero_grad()
        with meter.wall_time() as seconds:
            functional.cross_entropy(model(images), labels).backward()
        meter.record("step_seconds", seconds.value, "s", repeat=repeat, **axes)
    model.zero_grad()
