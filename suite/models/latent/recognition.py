"""The recognition network: an RNN over the observations, backwards in time, to the posterior of the initial state."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class RecognitionNetwork(nn.Module):
    """``q(z0 | values, times)``: a tanh RNN run backwards in time (Chen et al. 2018, section 5.1 and appendix E).

    The paper does not say how irregular times enter. Here every observation comes with the time since the one before
    it, the first one with the time since the start: read backwards, this places the start relative to all of them.
    """

    def __init__(self, values: int, latent: int, *, hidden: int = 25, initial_std: float | None = None) -> None:
        """Make the network.

        Args:
            values: Dimension of an observation; 0 for events, of which only the times are known.
            latent: Dimension of ``z0``.
            hidden: Hidden units of the RNN.
            initial_std: About which standard deviation the untrained posterior has; by default about 1, which drowns
                what the mean says until training has shrunk it.
        """
        super().__init__()
        self.rnn = nn.RNN(values + 1, hidden, batch_first=True)
        self.posterior = nn.Linear(hidden, 2 * latent)
        if initial_std is not None:
            with torch.no_grad():
                self.posterior.weight[latent:] *= 0.1
                self.posterior.bias[latent:] = math.log(initial_std)

    def forward(
        self, values: Tensor, times: Tensor, mask: Tensor | None = None, *, start: float = 0.0
    ) -> tuple[Tensor, Tensor]:
        """Return mean and logarithm of the standard deviation of ``z0``, both of shape ``[batch, latent]``.

        Args:
            values: Observations, shape ``[batch, n, values]``.
            times: Their times in ascending order, shape ``[batch, n]``.
            mask: True where there is an observation, shape ``[batch, n]``; padding stands at the end of a sample, and
                its contents have no influence. A sample may have no observation at all.
            start: The time of ``z0``.
        """
        gaps = torch.diff(times, dim=1, prepend=torch.full_like(times[:, :1], start))
        inputs = torch.cat((values, gaps.unsqueeze(-1)), dim=-1)
        if mask is None:
            states, _ = self.rnn(inputs.flip(1))
            last = states[:, -1]
        else:
            last = self._last_state(torch.where(mask.unsqueeze(-1), inputs, 0.0), mask)
        mean, log_std = self.posterior(last).chunk(2, dim=-1)
        return mean, log_std

    def _last_state(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """Return the hidden state after a sample's first observation, the last one read; zero where there is none."""
        lengths = mask.sum(dim=1, keepdim=True)
        # Reversed within its length, a sample starts at once and its padding still stands at the end.
        order = (lengths - 1 - torch.arange(mask.shape[1], device=mask.device)) % mask.shape[1]
        states, _ = self.rnn(inputs.gather(1, order.unsqueeze(-1).expand_as(inputs)))
        index = (lengths - 1).clamp(min=0).unsqueeze(-1).expand(-1, 1, states.shape[-1])
        return torch.where(lengths > 0, states.gather(1, index).squeeze(1), 0.0)
