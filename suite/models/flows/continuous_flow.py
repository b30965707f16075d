"""A continuous normalizing flow: points and their log-density transported together by one ODE solve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from suite.models.flows.flow_field import FlowField
from suite.models.flows.gaussian import gaussian_log_density
from suite.models.solved_field import Gradient, SolvedField


class ContinuousFlow(SolvedField):
    """``dz/dt = f(t, z)`` and ``d log p(z(t))/dt = -div f(t, z)`` (Chen et al. 2018, theorem 1).

    The base density, a centred isotropic Gaussian, stands at time 0 and the data's at ``end_time``.
    """

    def __init__(
        self,
        field: FlowField,
        *,
        end_time: float = 1.0,
        method: str = "dopri5",
        rtol: float = 1e-5,
        atol: float = 1e-5,
        gradient: Gradient = "adjoint",
        base_variance: float = 1.0,
    ) -> None:
        """Wrap a vector field that knows its divergence.

        Args:
            field: The vector field.
            end_time: Time at which the data's density stands.
            method: A method of ``suite.solvers``; a fixed-step one takes one step from each time to the next.
            rtol: Relative tolerance.
            atol: Absolute tolerance, of positions and of log-densities.
            gradient: How to differentiate through the solve.
            base_variance: Variance of each coordinate of the base density.

        Raises:
            ValueError: For an unknown way to differentiate, or an end time or a variance that is not positive.
        """
        super().__init__(_AugmentedField(field), method=method, rtol=rtol, atol=atol, gradient=gradient)
        if end_time <= 0 or base_variance <= 0:
            raise ValueError(f"end time and base variance are positive, not {end_time} and {base_variance}")
        self.end_time = end_time
        self.base_variance = base_variance

    @property
    def field(self) -> FlowField:
        """The vector field."""
        return cast(_AugmentedField, self.counted.vector_field).field

    def transport(self, z: Tensor, log_density: Tensor, times: Tensor | Sequence[float]) -> tuple[Tensor, Tensor]:
        """Carry points and log-densities along the flow, in either direction of time.

        Args:
            z: Points at ``times[0]``, shape ``[n, d]``.
            log_density: Their log-densities, shape ``[n]``, in nats.
            times: Strictly monotone times; best on the host, where the solver reads them.

        Returns:
            States of shape ``[len(times), n, d]`` and log-densities of shape ``[len(times), n]``, beginning with the
            points given.
        """
        state = torch.cat([z, log_density.unsqueeze(1)], dim=1)
        solved = cast(Tensor, self.solved(state, torch.as_tensor(times, dtype=z.dtype)))
        return solved[:, :, :-1], solved[:, :, -1]

    def forward(self, x: Tensor) -> Tensor:
        """Return :meth:`log_prob`."""
        return self.log_prob(x)

    def log_prob(self, x: Tensor) -> Tensor:
        """Return the model's log-density at data ``x [n, d]``, shape ``[n]``, in nats: one solve to time 0."""
        states, changes = self.transport(x, torch.zeros_like(x[:, 0]), (self.end_time, 0.0))
        return gaussian_log_density(states[-1], self.base_variance) - changes[-1]

    def sample(self, base_samples: Tensor) -> Tensor:
        """Carry samples of the base density, shape ``[n, d]``, to the data: one solve from time 0."""
        states, _ = self.transport(base_samples, torch.zeros_like(base_samples[:, 0]), (0.0, self.end_time))
        return states[-1]


class _AugmentedField(nn.Module):
    """The derivative ``[n, d + 1]`` of ``[z, log p]``."""

    def __init__(self, field: FlowField) -> None:
        super().__init__()
        self.field = field

    def forward(self, t: Tensor, state: Tensor) -> Tensor:
        velocity, divergence = self.field.velocity_and_divergence(t, state[:, :-1])
        return torch.cat([velocity, -divergence.unsqueeze(1)], dim=1)
