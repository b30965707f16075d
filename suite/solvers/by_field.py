"""Something for each vector field, kept as long as the field lives."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from types import MethodType
from typing import Any, Generic, TypeVar

from suite.solvers.vector_field import VectorField

KeptT = TypeVar("KeptT")


class ByField(Generic[KeptT]):
    """Keeps one object a vector field; of a method, one for the object that it is a method of.

    Args:
        make: Makes the object, which must not keep the field alive.
    """

    def __init__(self, make: Callable[[], KeptT]) -> None:
        self._make = make
        self._kept: dict[int, KeptT] = {}

    def of(self, vector_field: VectorField) -> KeptT:
        """Return the object of a field.

        Raises:
            TypeError: When the field takes no weak reference.
        """
        owner: Any = vector_field.__self__ if isinstance(vector_field, MethodType) else vector_field
        if id(owner) not in self._kept:
            weakref.finalize(owner, self._kept.pop, id(owner), None)
            self._kept[id(owner)] = self._make()
        return self._kept[id(owner)]
