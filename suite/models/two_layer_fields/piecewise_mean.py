"""From parameters that vary with depth to stacked ones: their means over pieces."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from suite.models.depth_varying import DepthField, StackedField
from suite.models.two_layer_fields.parameters_at_depth import DepthDependent, nodes_and_weights, parameters_at


@torch.no_grad()
def piecewise_mean(field: DepthDependent, pieces: int) -> StackedField:
    """Return the stacked field whose parameters are the means of a field's over equal pieces of [0, 1].

    It is the closest stacked field in ``L2`` of the parameters; one piece makes a vanilla field. A stacked field is
    averaged over its own pieces first, which the new ones have to be made of.

    Raises:
        ValueError: When a new piece would cut one of a stacked field's.
    """
    own = len(field.fields) if isinstance(field, StackedField) else pieces
    if own % pieces:
        raise ValueError(f"{own} pieces are not cut into {pieces}")
    depths, weights = nodes_and_weights(own)
    at = [parameters_at(field, depth) for depth in depths]
    shares = weights.reshape(pieces, -1) * pieces  # they sum to 1 in each new piece
    fields = []
    for piece, share in enumerate(shares):
        inside = at[piece * len(share) : (piece + 1) * len(share)]
        layers: list[nn.Module] = []
        for number in range(len(inside[0])):
            weight, bias = (_mean([point[number][part] for point in inside], share) for part in (0, 1))
            layers += [nn.Tanh()] if layers else []
            layers.append(_linear(weight, bias))
        fields.append(DepthField(*layers))
    return StackedField(fields)


def _mean(values: list[Tensor], share: Tensor) -> Tensor:
    mean: Tensor = torch.tensordot(share.to(values[0]), torch.stack(values), dims=1)
    return mean


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    sizes = weight.shape[1], weight.shape[0]
    # A layer that is overwritten draws no random numbers.
    layer: nn.Linear = skip_init(nn.Linear, *sizes, device=weight.device, dtype=weight.dtype)
    layer.weight.copy_(weight)
    layer.bias.copy_(bias)
    return layer
