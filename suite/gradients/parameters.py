"""What a solve is differentiated by, beside its initial state and its times."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn

from suite.solvers.errors import InvalidProblemError, InvalidTypeError
from suite.solvers.vector_field import VectorField


def trained_parameters(vector_field: VectorField, given: Iterable[Tensor] | None) -> tuple[Tensor, ...]:
    """Return the parameters whose gradient is wanted: those given, or all of a module that require one.

    Raises:
        InvalidProblemError: When none are given and the vector field is no module.
        InvalidTypeError: When something else than tensors is given.
    """
    if given is None:
        if not isinstance(vector_field, nn.Module):
            raise InvalidProblemError(
                "the vector field is not a torch.nn.Module, so its parameters are unknown; "
                "give parameters (adjoint_params in odeint_adjoint), () if it has none"
            )
        given = vector_field.parameters()
    if isinstance(given, Tensor) or not isinstance(given, Iterable):
        raise InvalidTypeError(f"the parameters are a sequence of tensors, not {type(given).__name__}")
    parameters = tuple(given)
    for parameter in parameters:
        if not isinstance(parameter, Tensor):
            raise InvalidTypeError(f"the parameters are tensors, not {type(parameter).__name__}")
    return tuple(parameter for parameter in parameters if parameter.requires_grad)
