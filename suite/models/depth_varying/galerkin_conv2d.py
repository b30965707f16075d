"""A convolution whose kernels vary with depth."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from suite.models.depth_varying.basis import Basis
from suite.models.depth_varying.galerkin_layer import GalerkinLayer


class GalerkinConv2d(GalerkinLayer):
    """A convolution with kernels and biases expanded on a basis; see :class:`GalerkinLayer`."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        basis: Basis,
        *,
        stride: int = 1,
        padding: int = 0,
        bias: bool = True,
    ) -> None:
        """Start as ``nn.Conv2d`` of the same arguments."""
        super().__init__(nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, bias=bias), basis)
        self.stride = stride
        self.padding = padding

    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        """Apply the layer to ``z [n, in_channels, height, width]`` at a depth, ``[]`` or ``[n]``."""
        if s.dim() == 0:
            return functional.conv2d(z, *self.parameters_at(s), self.stride, self.padding)
        # A convolution is linear in its kernel: that of every function is done once for all samples.
        bias = None if self.bias is None else self.bias.flatten()
        each = functional.conv2d(z, self.weight.flatten(0, 1), bias, self.stride, self.padding)
        return torch.einsum("nj,njchw->nchw", self.functions_at(s), each.unflatten(1, (self.basis.size, -1)))
