"""The augmented system of the continuous adjoint (Chen et al. 2018, Algorithm 1)."""

from __future__ import annotations

import torch
from torch import Tensor

from suite.solvers.vector_field import PackedField


class AugmentedField:
    """The field of ``(y, a, g)``: state, adjoint ``a = dL/dy`` and gradient of the parameters, as one flat vector.

    ``dy/dt = f``, ``da/dt = -a df/dy``, ``dg/dt = -a df/dtheta``: one evaluation and one vector-Jacobian product.

    Attributes:
        parameters: Parameters whose gradient is wanted; none for the system of ``(y, a)`` alone.
    """

    def __init__(self, field: PackedField, parameters: tuple[Tensor, ...]) -> None:
        self._field = field
        self.parameters = parameters

    def __call__(self, t: Tensor, flat: Tensor) -> Tensor:
        """Return the derivative, shape ``[2 n + parameters]``; only the first ``2 n`` entries of ``flat`` are read."""
        n = self._field.layout.shape.numel()
        derivative, products = self.products(t, flat[:n], flat[n : 2 * n], with_state=True)
        return torch.cat([derivative, *products]).to(flat.dtype)

    def products(self, t: Tensor, y: Tensor, a: Tensor, *, with_state: bool) -> tuple[Tensor, list[Tensor]]:
        """Return the field and ``-a df/dx`` for the state (if asked for) and every parameter, each flat."""
        with torch.enable_grad():
            y = y.detach().view(self._field.layout.shape).requires_grad_(True)
            derivative = self._field(t, y)
        inputs = (y, *self.parameters) if with_state else self.parameters
        products: tuple[Tensor | None, ...] = (None,) * len(inputs)
        if derivative.requires_grad:
            products = torch.autograd.grad(derivative, inputs, -a.view(derivative.shape), allow_unused=True)
        flat = [
            (torch.zeros_like(x) if product is None else product).reshape(-1)
            for x, product in zip(inputs, products, strict=True)
        ]
        return derivative.detach().reshape(-1), flat
