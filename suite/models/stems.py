"""Downsampling stems: from an image to the state that residual blocks or an ODE transform.

Chen et al. 2018, section 3, say "downsample twice"; both forms are those of the authors' later re-do.
"""

from __future__ import annotations

from torch import nn

from suite.models.normalisation import group_norm
from suite.models.residual_block import ResidualBlock

STEMS = ("conv", "res")
"""``conv`` downsamples by two 4 x 4 convolutions of stride 2, ``res`` by two residual blocks of stride 2."""


def stem(kind: str, in_channels: int, channels: int) -> nn.Sequential:
    """Return a stem that maps ``[batch, in_channels, 28, 28]`` to ``[batch, channels, h, w]``.

    h and w are 6 for ``conv`` and 7 for ``res``: the first convolution has no padding, and each downsampling halves,
    the one rounding down and the other up.

    Raises:
        ValueError: For an unknown kind.
    """
    first = nn.Conv2d(in_channels, channels, 3)
    if kind == "conv":
        return nn.Sequential(first, *_downsampling_convolution(channels), *_downsampling_convolution(channels))
    if kind == "res":
        blocks = (ResidualBlock(channels, channels, stride=2) for _ in range(2))
        return nn.Sequential(first, *blocks)
    raise ValueError(f"unknown stem {kind!r}; the stems are {', '.join(STEMS)}")


def _downsampling_convolution(channels: int) -> tuple[nn.Module, ...]:
    return group_norm(channels), nn.ReLU(), nn.Conv2d(channels, channels, 4, stride=2, padding=1)
