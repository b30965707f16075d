"""The vector field: the user's function on the packed state, counted and checked; and a counter for any field."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from torch import Tensor, nn

from suite.solvers.deferred_counts import once_counted
from suite.solvers.errors import InvalidProblemError, InvalidTypeError
from suite.solvers.state import State, StateLayout

VectorField = Callable[[Tensor, Any], Any]
"""``f(t, y) -> dy/dt`` with a 0-dimensional time and a state like ``y0``."""


class CountedField(nn.Module):
    """A vector field that counts its evaluations, whichever library calls it.

    Attributes:
        nfe: Number of evaluations since construction or the last reset.
    """

    def __init__(self, vector_field: VectorField) -> None:
        super().__init__()
        self.vector_field = vector_field
        self.nfe = 0

    def forward(self, t: Tensor, y: State) -> State:
        """Evaluate the field and count it."""
        once_counted(self.count)
        derivative: State = self.vector_field(t, y)
        return derivative

    def count(self, evaluations: int = 1) -> None:
        """Count evaluations."""
        self.nfe += evaluations

    def reset(self) -> None:
        """Set the count to zero."""
        self.nfe = 0


def without_counters(vector_field: VectorField) -> tuple[VectorField, list[CountedField]]:
    """Return the vector field that is counted, and the counters around it: a compiled or recorded step runs none."""
    counters = []
    while isinstance(vector_field, CountedField):
        counters.append(vector_field)
        vector_field = vector_field.vector_field
    return vector_field, counters


class PackedField:
    """A vector field on the packed state, as the solvers call it.

    Attributes:
        nfe: Number of evaluations so far.
    """

    def __init__(self, vector_field: VectorField, layout: StateLayout) -> None:
        self.vector_field = vector_field
        self.layout = layout
        self._shape = None if layout.is_tuple else layout.shapes[0]
        self._dtype = layout.dtype
        self.nfe = 0

    def __call__(self, t: Tensor, packed: Tensor) -> Tensor:
        """Evaluate the field.

        Raises:
            InvalidProblemError: When it returns another structure, shape or dtype than the state's.
        """
        self.nfe += 1
        # The common case first: what this method costs is paid at every evaluation.
        if self._shape is None:
            return self._checked(self.vector_field(t, self.layout.unpack(packed)))
        derivative = self.vector_field(t, packed)
        if isinstance(derivative, Tensor) and derivative.shape == self._shape and derivative.dtype is self._dtype:
            return derivative
        return self._checked(derivative)

    def _checked(self, derivative: Any) -> Tensor:
        layout = self.layout
        if isinstance(derivative, list) and layout.is_tuple:
            derivative = tuple(derivative)
        parts = derivative if isinstance(derivative, tuple) else (derivative,)
        if isinstance(derivative, tuple) != layout.is_tuple or len(parts) != len(layout.shapes):
            raise InvalidTypeError(
                f"the vector field returned {_structure(derivative)} for a state that is {_wanted(layout)}"
            )
        for part, shape in zip(parts, layout.shapes, strict=True):
            if not isinstance(part, Tensor) or part.shape != shape or part.dtype != layout.dtype:
                raise InvalidProblemError(
                    f"the vector field returned {_structure(part)}, "
                    f"for a state of shape {tuple(shape)} and {layout.dtype}"
                )
        return layout.pack(derivative)


def count_evaluations(field: PackedField, counters: Iterable[CountedField], evaluations: int) -> None:
    """Count evaluations that are not made by calls of a field, by it and by the counters around it."""
    field.nfe += evaluations
    for counter in counters:
        once_counted(partial(counter.count, evaluations))


def _structure(value: object) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)} and {value.dtype}"
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    return f"a {type(value).__name__}"


def _wanted(layout: StateLayout) -> str:
    return f"a tuple of {len(layout.shapes)}" if layout.is_tuple else "one tensor"
