"""The norm of the reverse solve: of the parts of the augmented state, as torchdiffeq's users give and read it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from suite.solvers.error_norm import MixedNorm, Norm, packed_norm, rms_norm
from suite.solvers.state import StateLayout

AdjointNorm = Callable[[tuple[Tensor, ...]], Tensor]
"""A norm of ``(adjoint of time, state, adjoint, *adjoints of the parameters)``, state and adjoint packed."""


@dataclass(frozen=True)
class DefaultAdjointNorm:
    """The largest norm of the parts: the state's norm of state and adjoint, root mean squares of the parameters.

    Attributes:
        state_norm: Norm of the packed state.
        with_parameters: Whether parameters count; without them it is the seminorm of Kidger, Chen and Lyons (2021).
    """

    state_norm: Norm
    with_parameters: bool

    def __call__(self, parts: tuple[Tensor, ...]) -> Tensor:
        """Return the norm, a 0-dimensional tensor."""
        time, y, adjoint, *parameters = parts
        norms = [time.abs(), self.state_norm(y), self.state_norm(adjoint)]
        if self.with_parameters:
            norms += [rms_norm(parameter) for parameter in parameters]
        return torch.stack(norms).max()


@dataclass(frozen=True)
class UnpackedAdjointNorm:
    """The user's norm of the parts where state and adjoint are tuples, which the solvers have packed.

    Attributes:
        norm: The norm of ``(time, *states, *adjoints, *parameters)``.
        layout: How a state is packed.
    """

    norm: Norm
    layout: StateLayout

    def __call__(self, parts: tuple[Tensor, ...]) -> Tensor:
        """Return the norm, a 0-dimensional tensor."""
        time, y, adjoint, *parameters = parts
        return self.norm((time, *self.layout.unpack(y), *self.layout.unpack(adjoint), *parameters))


@dataclass(frozen=True)
class FlatAdjointNorm:
    """A norm of the augmented state as one vector.

    Attributes:
        norm: The norm of the parts.
        shapes: Their shapes, without the adjoint of time.
    """

    norm: AdjointNorm
    shapes: tuple[torch.Size, ...]

    def __call__(self, flat: Tensor) -> Tensor:
        """Return the norm, a 0-dimensional tensor."""
        parts = flat.split([shape.numel() for shape in self.shapes])
        # torchdiffeq's augmented state begins with the adjoint of time, which needs no integration here.
        time = torch.zeros((), dtype=flat.dtype, device=flat.device)
        return self.norm((time, *(part.reshape(shape) for part, shape in zip(parts, self.shapes, strict=True))))


def adjoint_norm(chosen: Norm | None, state_norm: Norm | None, layout: StateLayout, *, seminorm: bool) -> AdjointNorm:
    """Return the norm of a reverse solve.

    Args:
        chosen: The user's norm of ``(time, *states, *adjoints, *parameters)``, None for the default.
        state_norm: The user's norm of the forward solve, which the default then uses for state and adjoint.
        layout: Of the state.
        seminorm: Whether the default leaves out the parameters.
    """
    if chosen is None:
        return DefaultAdjointNorm(packed_norm(state_norm, layout), with_parameters=not seminorm)
    return UnpackedAdjointNorm(chosen, layout) if layout.is_tuple else chosen


def flat_adjoint_norm(norm: AdjointNorm, layout: StateLayout, parameters: Sequence[Tensor]) -> tuple[Norm, int | None]:
    """Return a norm of the augmented state as one vector, and how many of its leading entries it reads (None: all).

    Args:
        norm: The norm of the parts.
        layout: Of the state.
        parameters: The parameters that the augmented state has.
    """
    count = layout.shape.numel()
    default = norm if isinstance(norm, DefaultAdjointNorm) else None
    entries = 2 * count if default is not None and not default.with_parameters else None
    kept = parameters if entries is None else ()
    if default is not None and (default.state_norm is rms_norm or isinstance(default.state_norm, MixedNorm)):
        return MixedNorm((*layout.sizes, *layout.sizes, *(parameter.numel() for parameter in kept))), entries
    shapes = (layout.shape, layout.shape, *(parameter.shape for parameter in kept))
    return FlatAdjointNorm(norm, shapes), entries
