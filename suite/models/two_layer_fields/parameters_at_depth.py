"""The parameters of a field as a function of depth, and how much they vary."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from suite.models.depth_varying import DepthConcatenation, DepthField, GalerkinLinear, StackedField

DepthDependent = DepthField | StackedField
"""Fields of which the parameters at a depth can be told."""
_NODES = 5  # of the Gauss rule over each piece


def parameters_at(field: DepthDependent, depth: float) -> list[tuple[Tensor, Tensor]]:
    """Return weights ``[out, in]`` and biases ``[out]`` of each linear layer at a depth.

    Where the depth is concatenated to a layer's input, its column of the weights times the depth is a part of the bias:
    such a field has constant weights and biases that are linear in depth.

    Raises:
        TypeError: When a layer is of another kind.
    """
    if isinstance(field, StackedField):
        piece = field.fields[field.piece_at(depth)]
        if not isinstance(piece, DepthField):
            raise TypeError(f"the pieces are fields of layers, not {type(piece).__name__}")
        field = piece
    return list(_parameters(field, depth))


def _parameters(field: DepthField, depth: float) -> Iterator[tuple[Tensor, Tensor]]:
    concatenated = False
    for layer in field.layers:
        if isinstance(layer, GalerkinLinear):
            s = torch.tensor(depth, dtype=layer.weight.dtype, device=layer.weight.device)
            weight, bias = layer.parameters_at(s)
            yield weight, weight.new_zeros(len(weight)) if bias is None else bias
        elif isinstance(layer, nn.Linear) and concatenated:
            yield layer.weight[:, :-1], layer.bias + depth * layer.weight[:, -1]
        elif isinstance(layer, nn.Linear):
            yield layer.weight, layer.bias
        elif not isinstance(layer, nn.Tanh | DepthConcatenation):
            raise TypeError(f"the parameters of {type(layer).__name__} at a depth are not known")
        concatenated = isinstance(layer, DepthConcatenation)


def nodes_and_weights(pieces: int) -> tuple[list[float], Tensor]:
    """Return depths of a Gauss rule on each of equal pieces of [0, 1], and its weights ``[pieces, nodes]``."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    depths = [(piece + (float(node) + 1) / 2) / pieces for piece in range(pieces) for node in nodes]
    return depths, torch.from_numpy(weights / (2 * pieces)).repeat(pieces, 1)


@torch.no_grad()
def depth_variation(field: DepthDependent) -> float:
    """Return how much the parameters vary on [0, 1], relative to their size.

    ``sqrt(int |theta(s) - mean|^2 ds / int |theta(s)|^2 ds)``: 0 for a vanilla field, and at most 1.
    """
    pieces = len(field.fields) if isinstance(field, StackedField) else 8
    depths, weights = nodes_and_weights(pieces)
    theta = torch.stack([flat_parameters(field, depth) for depth in depths]).double()
    shares = weights.flatten().to(theta.device).unsqueeze(1)
    mean = (shares * theta).sum(dim=0)
    variance, square = (shares * (theta - mean).square()).sum(), (shares * theta.square()).sum()
    return float((variance / square).sqrt())


def flat_parameters(field: DepthDependent, depth: float) -> Tensor:
    """Return all parameters at a depth as one vector: of each layer the weights row by row, then the biases."""
    return torch.cat([part.flatten() for layer in parameters_at(field, depth) for part in layer])
