"""The evidence lower bound of a latent-variable model with Gaussian observations (Kingma and Welling, 2014)."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def draw_initial_state(mean: Tensor, log_std: Tensor, standard_normal: Tensor) -> Tensor:
    """Return ``z0 = mean + std * standard_normal``, differentiable by mean and deviation (reparameterisation)."""
    return mean + torch.exp(log_std) * standard_normal


def gaussian_log_density(values: Tensor, mean: Tensor, std: float | Tensor) -> Tensor:
    """Return ``log N(values; mean, std^2)`` in nats, element by element."""
    scale = torch.as_tensor(std, dtype=mean.dtype, device=mean.device)
    return -0.5 * ((values - mean) / scale) ** 2 - torch.log(scale) - 0.5 * math.log(2 * math.pi)


def kl_to_standard_normal(mean: Tensor, log_std: Tensor) -> Tensor:
    """Return ``KL(N(mean, std^2) || N(0, 1))`` in nats, summed over the last dimension."""
    return 0.5 * (mean**2 + torch.exp(2 * log_std) - 1 - 2 * log_std).sum(dim=-1)


def evidence_lower_bound(
    values: Tensor, decoded: Tensor, mean: Tensor, log_std: Tensor, *, noise_std: float, mask: Tensor | None = None
) -> Tensor:
    """Return the bound of every sample in nats, shape ``[batch]``, from one draw of ``z0``.

    ``log p(values | z0) - KL(q(z0) || N(0, 1))`` (Chen et al. 2018, appendix E), with independent Gaussian noise.

    Args:
        values: Observations, shape ``[batch, n, values]``.
        decoded: Their means for ``z0`` drawn from the posterior, of the same shape.
        mean: Mean of the posterior, shape ``[batch, latent]``.
        log_std: Logarithm of its standard deviation, likewise.
        noise_std: Standard deviation of an observation around its mean, in the units of the values.
        mask: True where there is an observation, shape ``[batch, n]``; everywhere by default.
    """
    log_likelihood = gaussian_log_density(values, decoded, noise_std).sum(dim=-1)
    if mask is not None:
        log_likelihood = torch.where(mask, log_likelihood, 0.0)
    return log_likelihood.sum(dim=-1) - kl_to_standard_normal(mean, log_std)
