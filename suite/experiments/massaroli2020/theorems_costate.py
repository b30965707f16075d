"""The costate of Massaroli et al. 2020, its equation written down and solved backwards: nothing of our adjoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from suite.experiments.massaroli2020.theorems_problem import DEPTH, Problem
from suite.models.parameter_paths import ParameterPath
from suite.solvers import solve


@dataclass(frozen=True, eq=False)
class Costate:
    """``da/ds = -a df/dz - dl/dz`` from ``a(1) = dL/dz(1)`` (proposition 1), beside the state solved back again.

    Attributes:
        problem: The losses and the network.
        path: The parameters along depth.
    """

    problem: Problem
    path: ParameterPath

    def pulled_back(self, s: Tensor, z: Tensor, a: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return ``f``, ``a df/dz + dl/dz`` and ``a df/dtheta + dl/dtheta`` at a depth, ``theta`` being ``theta(s)``.

        The last, shape ``[size]``, is the gradient of the loss as a function of depth (theorem 1).
        """
        with torch.enable_grad():
            state = z.detach().requires_grad_()
            theta = self.path(s).detach().requires_grad_()
            f = self.problem.network(theta, state)
            total = (a.detach() * f).sum() + self.problem.running(s, state, f)
            by_state, by_parameters = torch.autograd.grad(total, (state, theta))
        return f.detach(), by_state, by_parameters

    def end(self, z: Tensor) -> Tensor:
        """Return ``a(1)`` at the end states."""
        with torch.enable_grad():
            state = z.detach().requires_grad_()
            (a,) = torch.autograd.grad(self.problem.terminal(state), state)
        return a

    def gradient(self, end: Tensor, tolerance: float, method: str = "dopri5") -> tuple[Tensor, Tensor]:
        """Return the gradients by a constant ``theta`` and by ``z(0)``: one solve of state, costate and integral."""

        def backwards(s: Tensor, state: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
            f, by_state, by_parameters = self.pulled_back(s, state[0], state[1])
            return f, -by_state, -by_parameters

        start = (end.detach(), self.end(end), end.new_zeros(self.problem.network.size))
        t = torch.tensor([DEPTH, 0.0], dtype=torch.float64)
        with torch.no_grad():
            _, a, integral = solve(backwards, start, t, method=method, rtol=tolerance, atol=tolerance).states
        return integral[-1], a[-1]

    def density(
        self, end: Tensor, depths: Tensor, tolerance: float, options: Mapping[str, Any] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the gradient as a function of depth, ``a df/dtheta + dl/dtheta``, and the gradient by ``z(0)``.

        Args:
            end: End states, from the solve of this path.
            depths: Strictly increasing depths inside the interval, shape ``[k]``.
            tolerance: Of the solve back, by dopri8.
            options: Options of the method.

        Returns:
            The density, shape ``[k, size]``, and ``a(0) [n, d]``.
        """

        def backwards(s: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
            f, by_state, _ = self.pulled_back(s, *state)
            return f, -by_state

        ends = depths.new_tensor([DEPTH]), depths.new_tensor([0.0])
        t = torch.cat([ends[0], depths.flip(0), ends[1]])
        start = (end.detach(), self.end(end))
        with torch.no_grad():
            states, costates = solve(
                backwards, start, t, method="dopri8", rtol=tolerance, atol=tolerance, options=options
            ).states
        inside = zip(depths, states[1:-1].flip(0), costates[1:-1].flip(0), strict=True)
        return torch.stack([self.pulled_back(s.to(end.device), z, a)[2] for s, z, a in inside]), costates[-1]


def gauss(low: float, high: float, count: int) -> tuple[Tensor, Tensor]:
    """Return nodes and weights of Gauss and Legendre between two depths, on the host."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    half = (high - low) / 2
    return torch.from_numpy(low + half * (nodes + 1)), torch.from_numpy(half * weights)
