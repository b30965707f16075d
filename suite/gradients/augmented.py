"""The augmented system of the continuous adjoint (Chen et al. 2018, Algorithm 1)."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from suite.solvers.callbacks import CALLBACK_NAMES, Callback
from suite.solvers.vector_field import PackedField


class AugmentedField:
    """The field of ``(y, a, g)``: state, adjoint ``a = dL/dy`` and gradient of the parameters, as one flat vector.

    ``dy/dt = f``, ``da/dt = -a df/dy``, ``dg/dt = -a df/dtheta``: one evaluation and one vector-Jacobian product.

    Attributes:
        parameters: Parameters whose gradient is wanted; none for the system of ``(y, a)`` alone.
        shapes: Shapes of the parts of the derivative: state, adjoint, and each parameter.

    The callbacks of a vector field whose names end in ``_adjoint`` are callbacks of this one.
    """

    def __init__(self, field: PackedField, parameters: tuple[Tensor, ...]) -> None:
        self._field = field
        self._shape = field.layout.shape
        self._pair = (2, *self._shape)
        self._read = 2 * self._shape.numel()
        self.parameters = parameters
        self.shapes = [self._shape, self._shape, *(parameter.shape for parameter in parameters)]
        for name in CALLBACK_NAMES:
            callback = getattr(field.vector_field, f"{name}_adjoint", None)
            if callback is not None:
                setattr(self, name, partial(self._tell, callback))

    def split(self, flat: Tensor) -> tuple[Tensor, ...]:
        """Return the parts of the augmented state as torchdiffeq's users see it: it begins with the adjoint of time."""
        parts = flat.split([shape.numel() for shape in self.shapes])
        time = torch.zeros((), dtype=flat.dtype, device=flat.device)
        return time, *(part.reshape(shape) for part, shape in zip(parts, self.shapes, strict=True))

    def _tell(self, callback: Callback, start: Tensor, flat: Tensor, size: Tensor) -> None:
        callback(start, self.split(flat), size)

    def __call__(self, t: Tensor, flat: Tensor) -> Tensor:
        """Return the derivative, shape ``[2 n + parameters]``; only the first ``2 n`` entries of ``flat`` are read."""
        return torch.cat([part.reshape(-1) for part in self.parts(t, flat)]).to(flat.dtype)

    def parts(self, t: Tensor, flat: Tensor, *, quadratures: bool = True) -> list[Tensor]:
        """Return the derivative part by part: of state and adjoint, and of the gradient of each parameter if wanted."""
        read = flat if flat.shape[0] == self._read else flat[: self._read]
        y, a = read.view(self._pair).unbind()
        derivative, products = self.products(t, y, a, self.parameters if quadratures else ())
        return [derivative, *products]

    def parameter_parts(self, t: Tensor, y: Tensor, a: Tensor) -> list[Tensor]:
        """Return ``-a df/dtheta`` for each parameter."""
        return self.products(t, y, a, self.parameters, of_state=False)[1]

    def products(
        self, t: Tensor, y: Tensor, a: Tensor, parameters: tuple[Tensor, ...], *, of_state: bool = True
    ) -> tuple[Tensor, list[Tensor]]:
        """Return the field, and ``-a df/dx`` for the state, if wanted, and then for every parameter.

        Where autograd records, as it does for the Jacobian of an implicit method, they can be differentiated again.
        """
        recorded = torch.is_grad_enabled()
        with torch.enable_grad():
            leaf = y if recorded and y.requires_grad else y.detach().requires_grad_(True)
            derivative = self._field(t, leaf)
        inputs = (leaf, *parameters) if of_state else parameters
        if not derivative.requires_grad:
            return derivative, [torch.zeros_like(x) for x in inputs]
        products = torch.autograd.grad(derivative, inputs, a.neg(), create_graph=recorded, allow_unused=True)
        return derivative, [
            torch.zeros_like(x) if product is None else product for x, product in zip(inputs, products, strict=True)
        ]
