"""Augmentation by an input layer (Massaroli et al. 2020, section 4)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class InputLayer(nn.Module):
    """``x -> xi(x)``, or ``x -> [x, xi(x)]``: the flow starts from learned features, not from zeros."""

    def __init__(self, layer: nn.Module, keep_input: bool = False) -> None:
        """Wrap the layer.

        Args:
            layer: From the input to the further dimensions: from ``[n, d, ...]`` to ``[n, e, ...]``.
            keep_input: Whether the input is part of the state, before the layer's output. The paper's equation keeps
                it; the released networks do not.
        """
        super().__init__()
        self.layer = layer
        self.keep_input = keep_input

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[n, d, ...]`` to ``[n, e, ...]``, or to ``[n, d + e, ...]`` where the input is kept."""
        features: Tensor = self.layer(x)
        return torch.cat((x, features), dim=1) if self.keep_input else features

    def extra_repr(self) -> str:
        """Say whether the input is kept, as ``print`` of a model shows it."""
        return f"keep_input={self.keep_input}"
