"""Images as networks take them: pooled for a smaller profile, and of the training set's mean and deviation."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def pooled_and_normalised(images: Tensor, pooling: int, means: Sequence[float], deviations: Sequence[float]) -> Tensor:
    """Return means of patches, less the mean of their channel and in units of its deviation.

    Args:
        images: Shape ``[n, channels, height, width]``.
        pooling: Pixels of a side of a patch.
        means: Of each channel.
        deviations: Of each channel.
    """
    mean, deviation = (torch.tensor(each, device=images.device).reshape(1, -1, 1, 1) for each in (means, deviations))
    return (functional.avg_pool2d(images, pooling) - mean) / deviation
