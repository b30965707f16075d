"""A vector field that is given a condition besides time and state, and knows its divergence."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, softplus


class ControlledField(nn.Module):
    """``f(t, z, c)``: a network with softplus layers of ``[z, c, t]`` (Massaroli et al. 2020, section 5.1).

    The divergence is over ``z`` alone, as the condition does not move. It is exact, by carrying the tangents of all
    coordinates through the layers: about ``1 + d`` times the operations of an evaluation, and differentiable by one
    backward pass.
    """

    def __init__(self, dimensions: int, condition: int, hidden: int, layers: int) -> None:
        """Make a field.

        Args:
            dimensions: Dimensions d of the state.
            condition: Dimensions of the condition; without any, the field is an ordinary one.
            hidden: Units of each hidden layer.
            layers: Number of hidden layers.

        Raises:
            ValueError: When a size is not positive, or that of the condition negative.
        """
        super().__init__()
        if min(dimensions, hidden, layers) < 1 or condition < 0:
            raise ValueError(
                f"sizes are positive, unlike {dimensions} dimensions, {condition} of the condition, and {layers} "
                f"layers of {hidden} units"
            )
        self.dimensions = dimensions
        self.condition = condition
        widths = [dimensions + condition + 1, *[hidden] * layers, dimensions]
        self.layers = nn.ModuleList(nn.Linear(*pair) for pair in pairwise(widths))
        # He et al. 2015, for hidden layers that rectify: with torch's smaller weights they hardly bend, and training
        # takes long to begin. The last layer is zero, as in the authors' notebook on annuli: the flow starts as the
        # identity, and no density is carried out of sight before it has learned anything.
        *hidden_layers, last = self._linears()
        for layer in hidden_layers:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, t: Tensor, z: Tensor, c: Tensor) -> Tensor:
        """Return ``f(t, z, c)``, shape ``[n, d]``; the shapes are those of :meth:`velocity_and_divergence`."""
        first, *others = self._linears()
        value: Tensor = first(self._inputs(t, z, c))
        for layer in others:
            value = layer(softplus(value))
        return value

    def velocity_and_divergence(self, t: Tensor, z: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """Return the field and its divergence over the state.

        Args:
            t: A time without dimensions.
            z: States, shape ``[n, d]``.
            c: Conditions, shape ``[n, condition]``, or ``[1, condition]`` where all states have the same.

        Returns:
            ``f(t, z, c)``, shape ``[n, d]``, and ``tr(df/dz)``, shape ``[n]``.
        """
        first, *others, last = self._linears()
        value = first(self._inputs(t, z, c))
        # One tangent for each coordinate of the state: derivatives of the layer's inputs, shape [d, n, units].
        tangents = first.weight[:, : self.dimensions].t().unsqueeze(1)
        for layer in others:
            tangents = linear(torch.sigmoid(value) * tangents, layer.weight)
            value = layer(softplus(value))
        tangents = torch.sigmoid(value) * tangents
        divergence = (tangents * last.weight.unsqueeze(1)).sum(dim=(0, 2))
        return last(softplus(value)), divergence

    def _linears(self) -> list[nn.Linear]:
        return [cast(nn.Linear, layer) for layer in self.layers]

    def _inputs(self, t: Tensor, z: Tensor, c: Tensor) -> Tensor:
        if c.shape[1:] != (self.condition,) or len(c) not in (1, len(z)):
            raise ValueError(
                f"{len(z)} states need conditions of shape [{len(z)}, {self.condition}] or [1, {self.condition}], "
                f"not {list(c.shape)}"
            )
        return torch.cat([z, c.expand(len(z), -1), t.to(z).expand(len(z), 1)], dim=1)
