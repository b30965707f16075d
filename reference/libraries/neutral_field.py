"""A vector field written once, for libraries that compute with torch, with numpy or with jax."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor, nn


class NeutralField(nn.Module):
    """A vector field as one formula in the operations that ``torch``, ``numpy`` and ``jax.numpy`` share.

    It is a module, so every library that takes one takes it; a library outside torch reads :meth:`formula` and
    :meth:`numbers` instead. A subclass may override :meth:`forward` where torch has a faster way to the same values.
    """

    @abstractmethod
    def formula(self, xp: Any, t: Any, y: Any, *numbers: Any) -> Any:
        """Return ``dy/dt``.

        Args:
            xp: The namespace of the arrays: ``torch``, ``numpy`` or ``jax.numpy``.
            t: Time: a float or an array without dimensions.
            y: State, an array of that namespace.
            numbers: :meth:`numbers` as arrays of that namespace.
        """

    def numbers(self) -> tuple[Tensor, ...]:
        """Return the parameters, then the buffers, in the order of their registration."""
        return (*self.parameters(), *self.buffers())

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        """Return ``dy/dt``, of the shape of ``y``."""
        derivative: Tensor = self.formula(torch, t, y, *self.numbers())
        return derivative
