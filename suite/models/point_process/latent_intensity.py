"""The intensity of a Poisson process on the state of a latent ODE (Chen et al. 2018, section 5 and Fig. 7)."""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from torch import Tensor, nn

from suite.gradients import solve_with_integral
from suite.models.point_process.intensity_path import IntensityPath
from suite.solvers import CountedField, solve

SMALLEST_RATE = 1e-8
"""Added to the intensity, so that its logarithm is finite."""


class AutonomousField(nn.Module):
    """``dz/dt = f(z)``, with one hidden layer."""

    def __init__(self, latent: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(latent, hidden), nn.Tanh(), nn.Linear(hidden, latent))

    def forward(self, t: Tensor, z: Tensor) -> Tensor:
        """Return the derivative of states of shape ``[..., latent]``."""
        del t
        return cast(Tensor, self.layers(z))


class PositiveRate(nn.Module):
    """``lambda(z) > 0``: one hidden layer, and the softplus of its output."""

    def __init__(self, latent: int, hidden: int, typical: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(latent, hidden), nn.Tanh(), nn.Linear(hidden, 1))
        with torch.no_grad():  # the rate starts near the typical one, whatever the unit of time
            cast(nn.Linear, self.layers[-1]).bias.fill_(math.log(math.expm1(typical)))

    def forward(self, z: Tensor) -> Tensor:
        """Return the intensities of states of shape ``[..., latent]``, shape ``[...]``."""
        return nn.functional.softplus(self.layers(z)).squeeze(-1) + SMALLEST_RATE


class LatentIntensity(nn.Module):
    """A latent ODE with an intensity net; the log-likelihood of event times comes out of one solve.

    The integral of the intensity is one more state of the same solve.

    Attributes:
        nfe: Evaluations of the latent field in solves since construction.
    """

    def __init__(
        self,
        *,
        latent: int,
        hidden: int,
        typical_rate: float,
        intervals: int,
        integral_scale: float,
        method: str,
        tolerance: float,
    ) -> None:
        """Make the networks.

        Args:
            latent: Dimension of the latent state.
            hidden: Units of the hidden layer of both networks.
            typical_rate: Events per unit of time that the intensity starts from.
            intervals: Number of equal intervals between the outputs of the solve.
            integral_scale: The integral is carried divided by this, which weighs it against the latent state in the
                error control.
            method: A method of ``suite.solvers``.
            tolerance: Absolute and relative; may be changed between calls.

        Raises:
            ValueError: When the rate, the scale or the number of intervals is not positive.
        """
        super().__init__()
        if min(typical_rate, integral_scale, intervals) <= 0:
            raise ValueError("the typical rate, the scale of the integral and the number of intervals are positive")
        self.field = CountedField(AutonomousField(latent, hidden))
        self.rate = PositiveRate(latent, hidden, typical_rate)
        self.initial = nn.Parameter(0.1 * torch.randn(1, latent))
        self.intervals = intervals
        self.integral_scale = integral_scale
        self.method = method
        self.tolerance = tolerance

    @property
    def nfe(self) -> int:
        """Evaluations of the latent field so far, the one that gives the slopes at the outputs among them."""
        return int(self.field.nfe)

    def forward(self, horizon: float, z0: Tensor | None = None) -> IntensityPath:
        """Solve on ``[0, horizon]``.

        Args:
            horizon: The end of the observation.
            z0: Initial states, shape ``[batch, latent]``; the learned one that all sequences share when it is None.
        """
        start = self.initial if z0 is None else z0
        # On the host: the solver reads output times there, and must not wait for a device.
        times = torch.linspace(0.0, horizon, self.intervals + 1, dtype=torch.float64)
        solution, integral = solve_with_integral(
            self.field,
            self._scaled_rate,
            start,
            times,
            method=self.method,
            rtol=self.tolerance,
            atol=self.tolerance,
        )
        states = cast(Tensor, solution.states)
        slopes = self.field(times[0], states)
        return IntensityPath(0.0, horizon / self.intervals, states, slopes, self.integral_scale * integral, self.rate)

    def _scaled_rate(self, t: Tensor, z: Tensor, derivative: Tensor) -> Tensor:
        del t, derivative
        return cast(Tensor, self.rate(z)) / self.integral_scale

    @torch.no_grad()
    def evaluations(self, horizon: float, z0: Tensor | None = None) -> tuple[int, int]:
        """Return the evaluations of one solve with the integral, and of one of the latent state alone."""
        start = self.initial if z0 is None else z0
        times = torch.tensor([0.0, horizon], dtype=torch.float64)
        tolerances: dict[str, Any] = {"method": self.method, "rtol": self.tolerance, "atol": self.tolerance}
        joint, _ = solve_with_integral(self.field, self._scaled_rate, start, times, **tolerances)
        return joint.statistics.nfe, solve(self.field, start, times, **tolerances).statistics.nfe
