"""The problem on which gradients are compared: a field along a parameter path, a terminal and a running loss."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from suite.declarations import Meter
from suite.experiments.massaroli2020.theorems_settings import TheoremsSettings
from suite.gradients import solve_with_integral
from suite.models.depth_varying import FourierBasis
from suite.models.parameter_paths import ExplicitNetwork, ParameterPath, PathField, SpectralPath
from suite.solvers import Differentiation

DEPTH = 1.0


@dataclass(frozen=True, eq=False)
class Problem:
    """``L = sum_n |z_n(1) - y_n|^2 + int |z_n(s) - beta(s)|^2 ds`` with ``beta`` on the unit circle.

    Losses are summed over the samples, terminal and running alike: the authors' library mixes sums and means.

    Attributes:
        network: The field, of explicit parameters.
        path: Its parameters along depth.
        z0: Initial states, shape ``[n, d]``.
        targets: ``y``, shape ``[n, d]``.
    """

    network: ExplicitNetwork
    path: SpectralPath
    z0: Tensor
    targets: Tensor

    def terminal(self, z: Tensor) -> Tensor:
        """Return the terminal loss of end states ``[n, d]``."""
        return (z - self.targets).square().sum()

    def running(self, s: Tensor, z: Tensor, f: Tensor) -> Tensor:
        """Return the running loss of states ``[n, d]`` at a depth."""
        del f
        turn = 2 * math.pi * s
        circle = torch.stack([torch.cos(turn), torch.sin(turn)])
        return (z[:, :2] - circle).square().sum()

    def field(self, path: ParameterPath | None = None) -> PathField:
        """Return the field along its own path or another."""
        return PathField(self.network, self.path if path is None else path)

    def of(self, samples: slice) -> Problem:
        """Return the problem of some samples."""
        return replace(self, z0=self.z0[samples], targets=self.targets[samples])

    def solve(
        self,
        field: nn.Module,
        tolerance: float,
        *,
        method: str = "dopri5",
        gradient: Differentiation | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Solve with the running loss as a part of the state; return end states and the whole loss."""
        t = torch.tensor([0.0, DEPTH], dtype=torch.float64)
        solution, integral = solve_with_integral(
            field,
            self.running,
            self.z0,
            t,
            method=method,
            rtol=tolerance,
            atol=tolerance,
            options=options,
            gradient=gradient,
        )
        end = torch.as_tensor(solution.states)[-1]
        return end, self.terminal(end) + integral[-1]


def draw_problem(settings: TheoremsSettings, meter: Meter, harmonics: int) -> Problem:
    """Draw states, targets and the coefficients of a Fourier series, of which no harmonics leave a constant."""
    network = ExplicitNetwork(settings.dimensions, settings.hidden)
    generator = meter.generator("parameters")
    basis = FourierBasis(harmonics)
    size = settings.gain / math.sqrt(settings.hidden)
    # The constant comes first, so that it is the same whatever the number of harmonics.
    constant, *others = [_normal((network.size,), generator) for _ in range(basis.size)]
    coefficients = size * torch.stack([constant, *(0.5 * other for other in others)])
    states = meter.generator("states")
    z0, targets = (_normal((settings.samples, settings.dimensions), states).to(meter.device) for _ in range(2))
    path = SpectralPath(basis, coefficients).to(meter.device)
    return Problem(network, path, z0.requires_grad_(), targets)


def relative_error(found: Sequence[Tensor], reference: Sequence[Tensor]) -> float:
    """Return the norm of the difference of two gradients over that of the second."""
    one, other = (torch.cat([tensor.detach().reshape(-1) for tensor in tensors]) for tensors in (found, reference))
    return float((one - other).norm() / other.norm())


def _normal(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=torch.float64)
