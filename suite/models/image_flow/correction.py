"""Convolutional corrections of hypersolvers on images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import nn

from suite.solvers.hyper import InputForm, NetworkCorrection


def convolutional_correction(
    channels: int,
    hidden: Sequence[int],
    *,
    parts: tuple[str, ...] = ("state", "k1", "step"),
    stages: int = 1,
    activation: Callable[[], nn.Module] = nn.PReLU,
) -> NetworkCorrection:
    """Return an untrained ``g``: 3 x 3 convolutions on joined images, with an activation between each two.

    The last convolution starts at zero, so that an untrained hypersolver is its base solver.

    Args:
        channels: Of the state.
        hidden: Channels between the convolutions.
        parts: What it sees of a step, as :class:`InputForm` names it; by default that of the paper's HyperEuler.
        stages: Of the base solver.
        activation: Makes what stands between two convolutions.
    """
    form = InputForm(parts, dim=1)
    layers: list[nn.Module] = []
    for before, after in pairwise((form.width(channels, stages), *hidden)):
        layers += [nn.Conv2d(before, after, 3, padding=1), activation()]
    last = nn.Conv2d(hidden[-1], channels, 3, padding=1)
    nn.init.zeros_(last.weight)
    if last.bias is not None:
        nn.init.zeros_(last.bias)
    return NetworkCorrection(nn.Sequential(*layers, last), form)
