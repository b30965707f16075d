"""Augmentation by zeros (Dupont et al. 2019; Massaroli et al. 2020, section 4)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ZeroAugmentation(nn.Module):
    """``x -> [0, x]``: more dimensions for the flow, which start at zero.

    The released code of Massaroli et al. puts the zeros first.
    """

    def __init__(self, extra: int, dim: int = 1, first: bool = True) -> None:
        """Say how many zeros go where.

        Args:
            extra: Zeros per sample, along ``dim``: entries of a vector state, channels of an image.
            dim: The dimension that grows.
            first: Whether the zeros come before the input.

        Raises:
            ValueError: When ``extra`` is negative.
        """
        super().__init__()
        if extra < 0:
            raise ValueError(f"a state cannot be augmented by {extra} zeros")
        self.extra = extra
        self.dim = dim
        self.first = first

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[n, d, ...]`` to ``[n, d + extra, ...]`` where ``dim`` is 1."""
        shape = list(x.shape)
        shape[self.dim] = self.extra
        zeros = x.new_zeros(shape)
        return torch.cat((zeros, x) if self.first else (x, zeros), dim=self.dim)

    def extra_repr(self) -> str:
        """Say what is added where, as ``print`` of a model shows it."""
        return f"{self.extra}, dim={self.dim}, first={self.first}"
