"""A perceptron as the field of a steady flow, with its divergence carried forwards through the layers."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from suite.models.flows import FlowField


class SteadyPerceptron(FlowField):
    """``d -> width -> width -> width -> width -> d``, softplus three times and then tanh (Poli et al. 2020, CNF).

    The Jacobian's columns are carried through the layers beside the values: exact, for the price of ``d`` more
    evaluations and with no second backward pass in training.
    """

    def __init__(self, dimensions: int, width: int) -> None:
        """Make a field on ``dimensions`` with four hidden layers of ``width`` units."""
        super().__init__()
        widths = (dimensions, width, width, width, width, dimensions)
        self.layers = nn.ModuleList(nn.Linear(before, after) for before, after in pairwise(widths))

    @property
    def linear_layers(self) -> list[nn.Linear]:
        """The layers, each followed by an activation but the last."""
        return [layer for layer in self.layers if isinstance(layer, nn.Linear)]

    def forward(self, t: Tensor, z: Tensor) -> Tensor:
        """Return ``f(z)`` of shape ``[n, d]``, without the divergence; the time is not used."""
        del t
        for index, layer in enumerate(self.linear_layers):
            z = self._activated(index, layer(z))
        return z

    def velocity_and_divergence(self, t: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``f(z)``, shape ``[n, d]``, and its divergence, shape ``[n]``; the time is not used."""
        del t
        columns = torch.eye(z.shape[1], dtype=z.dtype, device=z.device)
        for index, layer in enumerate(self.linear_layers):
            z = layer(z)
            columns = columns @ layer.weight.t()
            if index < len(self.layers) - 1:
                slope = 1 - z.tanh().square() if index == 3 else z.sigmoid()
                columns = columns * slope.unsqueeze(1)
            z = self._activated(index, z)
        return z, columns.diagonal(dim1=1, dim2=2).sum(dim=1)

    def _activated(self, index: int, z: Tensor) -> Tensor:
        if index == len(self.layers) - 1:
            return z
        return z.tanh() if index == 3 else softplus(z)
