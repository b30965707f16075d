"""Group normalisation as all convolutional networks here use it."""

from __future__ import annotations

from torch import nn

MAX_GROUPS = 32
"""Groups of the re-done experiment of Chen et al. 2018; with fewer channels each is a group of its own."""


def group_norm(channels: int) -> nn.GroupNorm:
    """Return group normalisation over ``min(32, channels)`` groups.

    Raises:
        ValueError: When the channels cannot be divided into that many groups.
    """
    groups = min(MAX_GROUPS, channels)
    if channels < 1 or channels % groups:
        raise ValueError(f"channels are 1 to {MAX_GROUPS} or a multiple of {MAX_GROUPS}, not {channels}")
    return nn.GroupNorm(groups, channels)
