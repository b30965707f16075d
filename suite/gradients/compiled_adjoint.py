"""The augmented system of the continuous adjoint as a compiled step evaluates it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from suite.solvers.compiled_field import without_counters
from suite.solvers.errors import InvalidProblemError
from suite.solvers.state import StateLayout
from suite.solvers.step_graph import Evaluation, Parts
from suite.solvers.vector_field import VectorField


@dataclass(frozen=True)
class AugmentedEvaluation(Evaluation):
    """The field of ``(y, a, g)`` (Chen et al. 2018, Algorithm 1): one evaluation and one vector-Jacobian product.

    Attributes:
        layout: How ``y`` is packed.
        names: Names of the vector field's parameters whose gradients ``g`` is made of.
    """

    layout: StateLayout
    names: tuple[str, ...]

    @classmethod
    def of(cls, vector_field: VectorField, layout: StateLayout, parameters: Sequence[Tensor]) -> AugmentedEvaluation:
        """Return the augmented system of a vector field.

        Raises:
            InvalidProblemError: When the parameters are not those of the vector field.
        """
        subject, _ = without_counters(vector_field)
        known = (
            {id(value): name for name, value in subject.named_parameters()} if isinstance(subject, nn.Module) else {}
        )
        names = tuple(known.get(id(parameter), "") for parameter in parameters)
        if "" in names:
            raise InvalidProblemError("with compile=True, adjoint_params are parameters of the vector field, a module")
        shapes = (layout.shape, layout.shape, *(parameter.shape for parameter in parameters))
        return cls(torch.Size([sum(shape.numel() for shape in shapes)]), shapes, 2, layout, names)

    def __call__(self, subject: Any, t: Tensor, parts: Parts) -> Parts:
        """Return ``f``, ``-a df/dy`` and ``-a df/dtheta``."""
        layout, names = self.layout, self.names
        state, adjoint = parts
        known = dict(subject.named_parameters()) if names else {}

        def field(packed: Tensor, chosen: dict[str, Tensor]) -> Tensor:
            arguments = (t, layout.unpack(packed))
            derivative = torch.func.functional_call(subject, chosen, arguments) if chosen else subject(*arguments)
            return layout.pack(tuple(derivative)) if layout.is_tuple else derivative

        derivative, pull, *_ = torch.func.vjp(field, state, {name: known[name] for name in names})
        product, products = pull(-adjoint)
        return (derivative, product, *[products[name] for name in names])
