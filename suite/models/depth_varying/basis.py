"""Functions of depth on which parameters are expanded."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Basis(nn.Module, ABC):
    """Functions ``psi_1(s), ..., psi_size(s)`` of depth; the first is the constant 1.

    A basis with parameters of its own, given to two layers, is shared by them.

    Attributes:
        size: Number of functions.
    """

    size: int

    @abstractmethod
    def forward(self, s: Tensor) -> Tensor:
        """Evaluate the functions at depths of any shape ``[...]``, one number for a common depth.

        Returns:
            Values of shape ``[..., size]``.
        """
