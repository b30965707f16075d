"""Layers whose parameters are expanded on a basis of functions of depth."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from suite.models.depth_varying.basis import Basis
from suite.models.depth_varying.depth_layer import DepthLayer


class GalerkinLayer(DepthLayer):
    """``theta(s) = sum_j alpha_j psi_j(s)`` (Massaroli et al. 2020, section 3): what is trained are the coefficients.

    At first the constant function has an ordinary layer's parameters and every other coefficient is zero, so that the
    layer starts as the ordinary one and still has a gradient in every coefficient.

    Attributes:
        basis: The functions.
        weight: Coefficients of the weights, shape ``[basis.size, *an ordinary layer's]``.
        bias: Coefficients of the biases, shape ``[basis.size, outputs]``, or None.
    """

    def __init__(self, ordinary: nn.Linear | nn.Conv2d, basis: Basis) -> None:
        """Expand the parameters of an ordinary, freshly initialised layer.

        Args:
            ordinary: The layer to start as.
            basis: The functions, the first of which is 1.
        """
        super().__init__()
        self.basis = basis
        self.weight = nn.Parameter(_constant(ordinary.weight, basis))
        self.bias = None if ordinary.bias is None else nn.Parameter(_constant(ordinary.bias, basis))

    def parameters_at(self, s: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the parameters at depths of shape ``[...]``.

        Returns:
            Weights of shape ``[..., *an ordinary layer's]``, and biases of shape ``[..., outputs]``, or None where
            there are none.
        """
        functions = self.functions_at(s)
        bias = None if self.bias is None else torch.tensordot(functions, self.bias, dims=1)
        return torch.tensordot(functions, self.weight, dims=1), bias

    def functions_at(self, s: Tensor) -> Tensor:
        """Return the functions of the basis at depths of shape ``[...]``, in the dtype of the weights."""
        values: Tensor = self.basis(s)
        return values.to(self.weight.dtype)


def _constant(parameter: Tensor, basis: Basis) -> Tensor:
    coefficients = parameter.new_zeros((basis.size, *parameter.shape))
    coefficients[0] = parameter.detach()
    return coefficients
