"""Planar normalizing flows: one layer, and a stack of them."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

_BISECTIONS = 64
"""Halvings of the bracket of an inverse; enough for every digit of a double."""


class PlanarFlow(nn.Module):
    """``z' = z + u^ tanh(w.z + b)`` (Rezende and Mohamed 2015, equation 10; Chen et al. 2018, section 4).

    ``u^`` is ``u`` moved along ``w`` so that ``w.u^ = -1 + softplus(w.u) > -1``, which makes the layer invertible
    whatever its parameters are (Rezende and Mohamed 2015, appendix A.1). It is applied at every evaluation.
    """

    def __init__(self, dimensions: int = 2) -> None:
        """Make a layer of random direction, near the identity."""
        super().__init__()
        w, u, b = _near_identity(1, dimensions)
        self.w = nn.Parameter(w[0])
        self.u = nn.Parameter(u[0])
        self.b = nn.Parameter(b[0])

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map ``z [n, d]`` to ``z' [n, d]`` and return with it ``log |det dz'/dz|``, shape ``[n]``."""
        u, stretch = constrained(self.u, self.w)
        activation = torch.tanh(torch.mv(z, self.w) + self.b)
        return torch.addr(z, activation, u), _log_determinant(activation, stretch)

    @torch.no_grad()
    def inverse(self, z: Tensor) -> Tensor:
        """Map ``z' [n, d]`` back to ``z [n, d]``, to rounding error."""
        u, stretch = constrained(self.u, self.w)
        return _invert(z, self.w, u, stretch - 1, self.b)


class NormalizingFlow(nn.Module):
    """A stack of planar layers, with all parameters in three tensors."""

    def __init__(self, depth: int, dimensions: int = 2) -> None:
        """Make a stack of ``depth`` layers of random directions, each near the identity.

        Raises:
            ValueError: When a size is not positive.
        """
        super().__init__()
        if min(depth, dimensions) < 1:
            raise ValueError(f"depth and dimensions are positive, not {depth} and {dimensions}")
        w, u, b = _near_identity(depth, dimensions)
        self.w = nn.Parameter(w)
        self.u = nn.Parameter(u)
        self.b = nn.Parameter(b)

    @property
    def depth(self) -> int:
        """Number of layers."""
        return len(self.b)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map ``z [n, d]`` through all layers and return with it ``log |det dz'/dz|``, shape ``[n]``."""
        states, log_dets = self._layers(z)
        return states[-1], log_dets.sum(dim=0)

    def path(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return the states before the first and after every layer, and the log-determinants from the start to there.

        Returns:
            States of shape ``[depth + 1, n, d]`` and log-determinants of shape ``[depth + 1, n]``.
        """
        states, log_dets = self._layers(z)
        return torch.stack(states), torch.cat([torch.zeros_like(log_dets[:1]), log_dets.cumsum(dim=0)])

    @torch.no_grad()
    def inverse(self, z: Tensor) -> Tensor:
        """Map the output ``z [n, d]`` of the stack back to its input, shape ``[n, d]``."""
        return self.inverse_path(z)[0]

    @torch.no_grad()
    def inverse_path(self, z: Tensor) -> Tensor:
        """Return the states that lead to the output ``z [n, d]``, as :meth:`path` does: ``[depth + 1, n, d]``."""
        u, stretch = constrained(self.u, self.w)
        alignment = stretch - 1
        states = [z]
        for layer in reversed(range(self.depth)):
            states.append(_invert(states[-1], self.w[layer], u[layer], alignment[layer], self.b[layer]))
        return torch.stack(states[::-1])

    def _layers(self, z: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return the ``depth + 1`` states, and the log-determinant of each layer, shape ``[depth, n]``."""
        u, stretch = constrained(self.u, self.w)
        states, activations = [z], []
        for w, direction, b in zip(self.w.unbind(), u.unbind(), self.b.unbind(), strict=True):
            activations.append(torch.tanh(torch.mv(states[-1], w) + b))
            states.append(torch.addr(states[-1], activations[-1], direction))
        return states, _log_determinant(torch.stack(activations), stretch[:, None])


def constrained(u: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    """Return ``u^`` and ``1 + w.u^ > 0`` of layers with parameters of shape ``[..., d]``.

    ``u^ = u + (m(w.u) - w.u) w / |w|^2`` with ``m(x) = -1 + softplus(x)``. The second is how much a layer stretches
    space along ``w`` where its tanh is steepest.
    """
    alignment = (w * u).sum(dim=-1)
    stretch = softplus(alignment)
    squared_norm = w.square().sum(dim=-1).clamp_min(torch.finfo(w.dtype).tiny)
    return u + ((stretch - 1 - alignment) / squared_norm).unsqueeze(-1) * w, stretch


def _log_determinant(activation: Tensor, stretch: Tensor) -> Tensor:
    """Return ``log(1 + (1 - h^2) w.u^)`` as the logarithm of a sum of positive terms, which cannot cancel."""
    squared = activation.square()
    return torch.log(squared + (1 - squared) * stretch)


def _near_identity(depth: int, dimensions: int) -> tuple[Tensor, Tensor, Tensor]:
    """Draw ``w``, ``u`` and ``b`` of layers whose constrained ``u^`` is small.

    Small ``u`` would not do: ``w.u = 0`` means ``w.u^ = log 2 - 1``, so every layer would contract, and a deep stack
    would start by squeezing the data to a point. ``u`` is what the constraint maps to a small random ``u^``.
    """
    w = torch.randn(depth, dimensions)
    small = 0.1 * torch.randn(depth, dimensions) / math.sqrt(depth * dimensions)
    # |w.u^| stays below 1 with room to spare, so that the inverse of the constraint exists.
    small = small / (1 + small.norm(dim=1) * w.norm(dim=1)).unsqueeze(1)
    alignment = (w * small).sum(dim=1)
    free = torch.log(torch.expm1(1 + alignment))
    u = small + ((free - alignment) / w.square().sum(dim=1)).unsqueeze(1) * w
    return w, u, torch.randn(depth)


def _invert(z: Tensor, w: Tensor, u: Tensor, alignment: Tensor, b: Tensor) -> Tensor:
    """Invert one layer at ``z [n, d]``, by bisection of the increasing ``a -> a + w.u^ tanh(a + b) = w.z'``.

    The root lies within ``|w.u^|`` of ``w.z'``. A fixed number of halvings needs no look at the values.
    """
    target = torch.mv(z, w)
    low, high = target - alignment.abs(), target + alignment.abs()
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        below = middle + alignment * torch.tanh(middle + b) < target
        low, high = torch.where(below, middle, low), torch.where(below, high, middle)
    return torch.addr(z, torch.tanh((low + high) / 2 + b), u, alpha=-1)
