"""The task of Figure 2 of Massaroli et al. 2020: follow a periodic signal, with no loss but an integral along depth."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from suite.experiments.massaroli2020.depth_grid import solver_options
from suite.gradients import Adjoint, solve_with_integral
from suite.models.two_layer_fields import Dependence, DepthDependent, two_layer_field

FIELDS: dict[str, tuple[Dependence, int]] = {
    "vanilla": ("constant", 1),
    "depth-concatenated": ("concatenated", 1),
    "stacked-5": ("stacked", 5),
    "stacked-20": ("stacked", 20),
    "polynomial": ("monomials", 1),
    "chebyshev": ("chebyshev", 1),
    "released": ("released", 1),
    "fourier-misfit": ("fourier", 1),
    "fourier": ("fourier", 1),
}
"""Each variant's dependence on depth, and its number of pieces."""


def tracking_field(variant: str, *, hidden: int, degree: int, harmonics: int, misfit_period: float) -> DepthDependent:
    """Return the untrained field of a variant; the period of the Fourier basis is the signal's but for the misfit."""
    dependence, pieces = FIELDS[variant]
    period = misfit_period if variant == "fourier-misfit" else 1.0
    return two_layer_field(dependence, 2, hidden, degree=degree, harmonics=harmonics, period=period, pieces=pieces)


def signal(s: Tensor) -> Tensor:
    """Return ``beta(s) = (cos 2 pi s, sin 2 pi s)`` at depths of shape ``[...]``: ``[..., 2]``."""
    angle = 2 * math.pi * s
    return torch.stack([torch.cos(angle), torch.sin(angle)], dim=-1)


def squared_distance(s: Tensor, z: Tensor, derivative: Tensor | None = None) -> Tensor:
    """Return ``|z - beta(s)|^2`` of states ``[n, 2]``, shape ``[n]``: the running loss."""
    del derivative
    return (z - signal(s).to(z.dtype)).square().sum(dim=-1)


def initial_conditions(count: int, deviation: float, generator: torch.Generator) -> Tensor:
    """Draw ``z(0)`` from a Gaussian about ``beta(0)``, shape ``[count, 2]``."""
    return signal(torch.zeros(())) + deviation * torch.randn(count, 2, generator=generator)


def integral_loss(
    field: nn.Module,
    z0: Tensor,
    *,
    method: str = "dopri5",
    steps: int = 20,
    rtol: float = 1e-7,
    atol: float = 1e-9,
    gradient: str = "direct",
) -> Tensor:
    """Return ``int_0^1 |z(s) - beta(s)|^2 ds``, the mean over trajectories from ``z0 [n, 2]``; there is no other loss.

    Args:
        field: ``f(s, z)``; an adaptive solver stops where a stacked one jumps.
        z0: Initial states.
        method: An adaptive method, or one of fixed steps.
        steps: Equal steps of a method that takes fixed ones.
        rtol: Relative tolerance of an adaptive method, forwards and backwards.
        atol: Absolute tolerance, likewise.
        gradient: ``adjoint``, the generalised one, or ``direct``, by autograd through the steps.

    Raises:
        ValueError: For an unknown gradient, or steps that the pieces of a stacked field do not end on.
    """
    if gradient not in ("direct", "adjoint"):
        raise ValueError(f"unknown gradient {gradient!r}; the ways are direct and adjoint")
    interval = torch.tensor([0.0, 1.0], dtype=z0.dtype)
    _, integral = solve_with_integral(
        field,
        squared_distance,
        z0,
        interval,
        method=method,
        rtol=rtol,
        atol=atol,
        options=solver_options(field, method, steps, interval),
        gradient=Adjoint() if gradient == "adjoint" else None,
    )
    return integral[-1].mean()
