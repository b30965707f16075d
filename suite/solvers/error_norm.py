"""How large an error is relative to the tolerance."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
from torch import Tensor

from suite.solvers.errors import InvalidProblemError
from suite.solvers.state import State, StateLayout

Tolerance = float | Tensor
Norm = Callable[[Any], Tensor]


def rms_norm(tensor: Tensor) -> Tensor:
    """Return the root mean square of the entries: the default norm of a state that is one tensor."""
    norm: Tensor = torch.linalg.vector_norm(tensor)
    return norm / math.sqrt(max(tensor.numel(), 1))


@dataclass(frozen=True)
class MixedNorm:
    """The largest root mean square of the parts: the default norm of a tuple state.

    Attributes:
        sizes: Number of entries of each part of the flat vector.
    """

    sizes: tuple[int, ...]

    def __call__(self, flat: Tensor) -> Tensor:
        """Return the norm of a flat vector, a 0-dimensional tensor."""
        return self.of_parts(flat.split(self.sizes))

    def of_parts(self, parts: tuple[Tensor, ...] | list[Tensor]) -> Tensor:
        """Return the same from the parts of the vector."""
        norms = torch.stack(torch._foreach_norm(parts))
        return norms.mul_(_inverse_roots(self.sizes, norms.dtype, norms.device)).max()


@dataclass(frozen=True)
class UnpackedNorm:
    """The user's norm of a state, which the solvers have packed.

    Attributes:
        norm: The norm of the state as the user sees it.
        layout: How it is packed.
    """

    norm: Norm
    layout: StateLayout

    def __call__(self, packed: Tensor) -> Tensor:
        """Return the norm of a packed state, a 0-dimensional tensor."""
        return self.norm(self.layout.unpack(packed))


@cache  # for good: a recorded norm reads it whenever it is replayed
def _inverse_roots(sizes: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    with torch.inference_mode(False):
        return torch.tensor([1 / math.sqrt(max(size, 1)) for size in sizes], dtype=dtype, device=device)


@dataclass(frozen=True)
class ErrorScale:
    """Tolerances and norm: measures an error in units of ``atol + rtol * max(|y0|, |y1|)``.

    Attributes:
        rtol: Relative tolerance, a number or one per entry of the packed state.
        atol: Absolute tolerance, likewise.
        norm: Norm of a packed state.
        entries: How many leading entries of a state that is a vector count, the rest being not controlled; None for
            all of a state of any shape.
    """

    rtol: Tolerance
    atol: Tolerance
    norm: Norm
    entries: int | None = None
    _kept: dict[str, Tensor] = field(default_factory=dict, init=False, repr=False)
    _parts: list[Tensor] = field(default_factory=list, init=False, repr=False)

    def controlled(self, y: Tensor) -> Tensor:
        """Return the entries that count."""
        return y if self.entries is None else y[: self.entries]

    def magnitude(self, y: Tensor) -> Tensor:
        """Return absolute values of the entries that count."""
        entries = y if self.entries is None else y[: self.entries]
        return (entries.detach() if entries.requires_grad else entries).abs()

    def scale(self, magnitude: Tensor, other: Tensor | None = None) -> Tensor:
        """Return the error that is allowed, entry by entry: from one magnitude, or the larger of two."""
        largest = magnitude if other is None else torch.maximum(magnitude, other)
        floor = self._kept.get("floor")
        if floor is None:
            floor = self._kept["floor"] = self._floor(largest)
        # One operation; arithmetic of a tensor with Python numbers costs more than that of tensors.
        if isinstance(self.rtol, Tensor):
            return torch.addcmul(floor, largest, self.rtol)
        return torch.add(floor, largest, alpha=self.rtol)

    def _floor(self, like: Tensor) -> Tensor:
        if isinstance(self.atol, Tensor):
            return self.atol.to(like.device, like.dtype)
        # Written on the device: a number of the host cannot be copied there while a graph is recorded.
        return torch.full((), self.atol, dtype=like.dtype, device=like.device)

    def measure(self, error: Tensor, scale: Tensor) -> Tensor:
        """Return the norm of an error in units of what is allowed, a 0-dimensional tensor on the device."""
        return self.norm(error / scale)

    def ratio(self, error: Tensor, magnitude: Tensor, other: Tensor | None = None) -> float:
        """Return the same as a number. The one place where a step waits for the device."""
        allowed, norm = self.scale(magnitude, other), self.norm
        if isinstance(norm, MixedNorm):
            return float(norm.of_parts(self._scaled_parts(error, allowed, norm.sizes)))
        scaled = error / allowed
        if norm is rms_norm:
            return float(torch.linalg.vector_norm(scaled)) / math.sqrt(max(scaled.numel(), 1))
        return float(norm(scaled))

    def _scaled_parts(self, error: Tensor, allowed: Tensor, sizes: tuple[int, ...]) -> list[Tensor]:
        """Return ``error / allowed`` part by part, in memory whose views are made once."""
        scaled = self._kept.get("scaled")
        if scaled is None:
            scaled = self._kept["scaled"] = error / allowed
            self._parts.extend(scaled.split(sizes))
        else:
            torch.div(error, allowed, out=scaled)
        return self._parts


def packed_norm(norm: Norm | None, layout: StateLayout) -> Norm:
    """Return a norm of the packed state: the user's (which sees the state as the user does), or the default."""
    if norm is not None:
        return UnpackedNorm(norm, layout)
    return MixedNorm(tuple(layout.sizes)) if layout.is_tuple else rms_norm


def check_tolerance(name: str, tolerance: object) -> float:
    """Return a tolerance that is one number.

    Raises:
        InvalidProblemError: When it is none, negative or not finite.
    """
    if not (isinstance(tolerance, int | float) and math.isfinite(tolerance) and tolerance >= 0):
        given = tolerance if isinstance(tolerance, int | float) else f"a {type(tolerance).__name__}"
        raise InvalidProblemError(f"{name} is a finite number of at least 0, not {given}")
    return float(tolerance)


def packed_tolerance(name: str, tolerance: float | State, layout: StateLayout) -> Tolerance:
    """Return a tolerance for the packed state from a number, a tensor like the state, or one of these per part.

    Raises:
        InvalidProblemError: When it is negative, not finite, or does not fit the state.
    """
    if isinstance(tolerance, int | float):
        return check_tolerance(name, tolerance)
    parts = tolerance if isinstance(tolerance, tuple | list) else (tolerance,)
    if len(parts) not in (1, len(layout.shapes)):
        raise InvalidProblemError(f"{name} has {len(parts)} parts for a state of {len(layout.shapes)}")
    parts = tuple(parts) * (len(layout.shapes) // len(parts))
    try:
        tensors = [torch.as_tensor(part, dtype=layout.time_dtype, device=layout.device) for part in parts]
        expanded = [tensor.expand(shape) for tensor, shape in zip(tensors, layout.shapes, strict=True)]
        packed = layout.pack(tuple(expanded)) if layout.is_tuple else expanded[0]
    except (RuntimeError, TypeError, ValueError) as problem:
        raise InvalidProblemError(f"{name} does not fit the state: {problem}") from None
    if not bool((packed >= 0).all() & packed.isfinite().all()):
        raise InvalidProblemError(f"{name} has entries that are negative or not finite")
    return packed
