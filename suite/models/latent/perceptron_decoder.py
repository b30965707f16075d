"""The decoder: a perceptron from the latent state at a time to the mean of the observation at that time."""

from __future__ import annotations

from torch import nn


def perceptron_decoder(latent: int, values: int, *, hidden: int = 20) -> nn.Sequential:
    """Return a network ``[..., latent] -> [..., values]`` with one hidden layer (Chen et al. 2018, section 5.1).

    The paper gives the 20 hidden units and no activation; tanh is ours.
    """
    return nn.Sequential(nn.Linear(latent, hidden), nn.Tanh(), nn.Linear(hidden, values))
