"""Higher-order dynamics as a first-order system (Massaroli et al. 2020, section 4 and appendix B.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SelectiveHigherOrderField(nn.Module):
    """Dynamics of order ``k`` for the first entries of the state, and of first order for the others.

    The state is ``z = [z^1, ..., z^k, w]`` along dimension 1, with blocks ``z^i`` of equal size and any free part
    ``w``. Then ``dz^i/dt = z^{i+1}`` below the highest order, and the field gives the rest:
    ``[dz^k/dt, dw/dt] = f(t, z)``. A second-order state is ``[q, p]``: positions first, then velocities.

    The state may be vectors ``[n, d]`` or images ``[n, channels, height, width]``.
    """

    def __init__(self, field: nn.Module, order: int, selected: int) -> None:
        """Wrap the field of the highest derivative and of the free part.

        Args:
            field: Called as ``field(t, z)``, from ``[n, d, ...]`` to ``[n, selected / order + d - selected, ...]``.
            order: The order ``k`` of the selected part.
            selected: Size of all its blocks together.

        Raises:
            ValueError: When the order is below one, or the selected part cannot be cut into that many equal blocks.
        """
        super().__init__()
        if order < 1:
            raise ValueError(f"a differential equation has an order of at least 1, not {order}")
        if selected < 0 or selected % order:
            raise ValueError(f"{selected} entries cannot be cut into {order} blocks of equal size")
        self.field = field
        self.order = order
        self.selected = selected

    def forward(self, t: Tensor, z: Tensor) -> Tensor:
        """Return ``dz/dt`` of the shape of ``z``.

        Raises:
            ValueError: When the state is smaller than its selected part, or the field returns another number of
                entries than are left for it.
        """
        return companion_derivative(z, self.field(t, z), self.order, self.selected)

    def extra_repr(self) -> str:
        """Say the order and its part of the state, as ``print`` of a model shows it."""
        return f"order={self.order}, selected={self.selected}"


class HigherOrderField(nn.Module):
    """Dynamics of order ``k`` for the whole state: ``dz^i/dt = z^{i+1}`` and ``dz^k/dt = f(t, z)``.

    ``f`` maps ``R^d`` to ``R^{d/k}``, so that the same state takes fewer parameters than a field of first order.
    """

    def __init__(self, field: nn.Module, order: int) -> None:
        """Wrap the field of the highest derivative.

        Args:
            field: Called as ``field(t, z)``, from ``[n, d, ...]`` to ``[n, d / order, ...]``.
            order: The order ``k``.

        Raises:
            ValueError: When the order is below one.
        """
        super().__init__()
        if order < 1:
            raise ValueError(f"a differential equation has an order of at least 1, not {order}")
        self.field = field
        self.order = order

    def forward(self, t: Tensor, z: Tensor) -> Tensor:
        """Return ``dz/dt`` of the shape of ``z``.

        Raises:
            ValueError: When the state cannot be cut into as many equal blocks, or the field returns another size.
        """
        if z.shape[1] % self.order:
            raise ValueError(f"{z.shape[1]} entries cannot be cut into {self.order} blocks of equal size")
        return companion_derivative(z, self.field(t, z), self.order, z.shape[1])

    def extra_repr(self) -> str:
        """Say the order, as ``print`` of a model shows it."""
        return f"order={self.order}"


def companion_derivative(z: Tensor, given: Tensor, order: int, selected: int) -> Tensor:
    """Join the blocks above the lowest with the derivatives that a field gives.

    Args:
        z: State ``[n, d, ...]``.
        given: Derivatives of the highest block and of the free part, ``[n, selected / order + d - selected, ...]``.
        order: Number of blocks of the selected part.
        selected: Its size, the first entries of the state.

    Returns:
        ``dz/dt``, shape ``[n, d, ...]``.

    Raises:
        ValueError: When the sizes do not fit.
    """
    block = selected // order
    left = block + z.shape[1] - selected
    if z.shape[1] < selected:
        raise ValueError(f"{selected} entries of higher order do not fit into a state of {z.shape[1]}")
    if given.shape[1] != left:
        raise ValueError(f"the field gives {given.shape[1]} entries per sample where {left} are left to it")
    return torch.cat((z[:, block:selected], given), dim=1)
