"""The depth as one more input of the next layer."""

from __future__ import annotations

import torch
from torch import Tensor

from suite.models.depth_varying.depth_layer import DepthLayer


class DepthConcatenation(DepthLayer):
    """``z [n, d, ...] -> [n, d + 1, ...]`` with the depth last: a field that varies with depth by its input alone."""

    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        """Append the depth, ``[]`` or ``[n]``, to features or channels."""
        depth = s.to(z.dtype).reshape(-1, *[1] * (z.dim() - 1))
        return torch.cat([z, depth.expand(len(z), 1, *z.shape[2:])], dim=1)
