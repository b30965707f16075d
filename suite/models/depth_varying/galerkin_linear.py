"""A linear layer whose weights vary with depth."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from suite.models.depth_varying.basis import Basis
from suite.models.depth_varying.galerkin_layer import GalerkinLayer


class GalerkinLinear(GalerkinLayer):
    """``W(s) z + b(s)``, both expanded on a basis; see :class:`GalerkinLayer`."""

    def __init__(self, in_features: int, out_features: int, basis: Basis, *, bias: bool = True) -> None:
        """Start as ``nn.Linear(in_features, out_features, bias)``."""
        super().__init__(nn.Linear(in_features, out_features, bias), basis)

    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        """Apply the layer to ``z [n, in_features]`` at a depth, ``[]`` or ``[n]``."""
        weight, bias = self.parameters_at(s)
        if s.dim() == 0:
            return functional.linear(z, weight, bias)
        product = torch.einsum("noi,ni->no", weight, z)
        return product if bias is None else product + bias
