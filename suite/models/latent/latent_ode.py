"""The latent ODE: a time series as what one sees of a latent trajectory, fixed by its initial state."""

from __future__ import annotations

from typing import Any, cast, get_args

from torch import Tensor, nn

from suite.gradients import odeint_adjoint
from suite.models.evaluation_counts import CountsEvaluations
from suite.models.latent.recognition import RecognitionNetwork
from suite.models.solved_field import Gradient
from suite.solvers import CountedField, odeint


class LatentODE(CountsEvaluations):
    """``z0 ~ N(0, 1)``, ``dz/dt = f(z)``, ``x_i ~ p(x | z(t_i))`` (Chen et al. 2018, equations 11 to 13)."""

    def __init__(
        self,
        recognition: RecognitionNetwork,
        field: nn.Module,
        decoder: nn.Module,
        *,
        method: str = "dopri5",
        tolerance: float = 1.5e-8,
        gradient: Gradient = "direct",
    ) -> None:
        """Put the parts together.

        Args:
            recognition: From observations to the posterior of ``z0``.
            field: The latent vector field, a module called as ``field(t, z)``.
            decoder: From latent states ``[..., latent]`` to means of observations ``[..., values]``.
            method: A method of ``suite.solvers``.
            tolerance: Relative and absolute tolerance of the solve; 1.5e-8, the paper's, needs float64.
            gradient: How to differentiate through the solve. ``adjoint`` is the paper's: a fresh solve backwards
                from every output time to the one before (Algorithm 2).

        Raises:
            ValueError: For an unknown way to differentiate.
        """
        super().__init__()
        if gradient not in get_args(Gradient):
            raise ValueError(f"unknown gradient {gradient!r}; the ways are {', '.join(get_args(Gradient))}")
        self.recognition = recognition
        self.counted = CountedField(field)
        self.decoder = decoder
        self.method = method
        self.tolerance = tolerance
        self.gradient = gradient

    def encode(
        self, values: Tensor, times: Tensor, mask: Tensor | None = None, *, start: float = 0.0
    ) -> tuple[Tensor, Tensor]:
        """Return mean and log standard deviation of ``q(z0)``, as :class:`RecognitionNetwork` does."""
        posterior: tuple[Tensor, Tensor] = self.recognition(values, times, mask, start=start)
        return posterior

    def latent_path(self, z0: Tensor, times: Tensor) -> Tensor:
        """Solve for the latent states at the given times, shape ``[batch, m, latent]``.

        Args:
            z0: State at ``times[0]``, shape ``[batch, latent]``.
            times: Strictly ascending times common to all samples, shape ``[m]``; best on the host.
        """
        options: dict[str, Any] = {"method": self.method, "rtol": self.tolerance, "atol": self.tolerance}
        if self.gradient == "adjoint":
            options["adjoint_options"] = {"variant": "segments"}
        solve = odeint if self.gradient == "direct" else odeint_adjoint
        with self.forward_pass():
            states = solve(self.counted, z0, times, **options)
        return cast(Tensor, states).transpose(0, 1)

    def decode(self, z0: Tensor, times: Tensor) -> Tensor:
        """Return the means of observations at the given times, shape ``[batch, m, values]``; see ``latent_path``."""
        means: Tensor = self.decoder(self.latent_path(z0, times))
        return means

    def forward(self, values: Tensor, times: Tensor, output_times: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the means at ``output_times``, whose first is the time of ``z0``, for ``z0`` at its posterior mean."""
        mean, _ = self.encode(values, times, mask, start=float(output_times[0]))
        return self.decode(mean, output_times)
