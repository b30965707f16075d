"""The recurrent baselines: an RNN that predicts the next observation, with or without the time until it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from suite.models.latent.variational import gaussian_log_density


class NextObservationRNN(nn.Module):
    """A tanh RNN that predicts each observation from those before it (Chen et al. 2018, section 5.1, baselines).

    It is trained to predict one step ahead and extrapolates by reading its own predictions. With ``time_gaps`` every
    observation comes with the time until the one to predict; without, the RNN knows only the order.

    Attributes:
        log_std: Logarithm of the standard deviation of an observation around its prediction, learnt.
    """

    def __init__(self, values: int, *, hidden: int = 25, time_gaps: bool) -> None:
        """Make the network for observations of dimension ``values``, with ``hidden`` units."""
        super().__init__()
        self.time_gaps = time_gaps
        self.rnn = nn.RNN(values + (1 if time_gaps else 0), hidden, batch_first=True)
        self.readout = nn.Linear(hidden, values)
        self.log_std = nn.Parameter(torch.zeros(()))

    def forward(self, values: Tensor, times: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the predictions of all observations but the first, shape ``[batch, n - 1, values]``.

        Args:
            values: Observations, shape ``[batch, n, values]``.
            times: Their times in ascending order, shape ``[batch, n]``.
            mask: True where there is an observation; predictions of padding mean nothing.
        """
        del mask  # Padding stands at the end, and an RNN does not look ahead.
        states, _ = self.rnn(self._inputs(values[:, :-1], torch.diff(times, dim=1)))
        predictions: Tensor = self.readout(states)
        return predictions

    def negative_log_likelihood(self, values: Tensor, times: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return, in nats, what every sample's observations but the first cost, summed, shape ``[batch]``."""
        log_density = gaussian_log_density(values[:, 1:], self(values, times), torch.exp(self.log_std)).sum(dim=-1)
        if mask is not None:
            log_density = torch.where(mask[:, 1:], log_density, 0.0)
        return -log_density.sum(dim=-1)

    def extrapolate(self, values: Tensor, times: Tensor, later: Tensor) -> Tensor:
        """Continue all samples on the RNN's own predictions, shape ``[batch, m, values]``.

        Args:
            values: Observations without padding, shape ``[batch, n, values]``.
            times: Their times in ascending order, shape ``[batch, n]``.
            later: Ascending times after the last observation, common to all samples, shape ``[m]``. Without time gaps
                the RNN takes the m further points to be the next m observations.
        """
        all_times = torch.cat((times, later.to(times).expand(len(times), -1)), dim=1)
        gaps = torch.diff(all_times, dim=1)
        observed = times.shape[1]
        states, hidden = self.rnn(self._inputs(values, gaps[:, :observed]))
        predictions = [self.readout(states[:, -1:])]
        for step in range(observed, gaps.shape[1]):
            states, hidden = self.rnn(self._inputs(predictions[-1], gaps[:, step : step + 1]), hidden)
            predictions.append(self.readout(states))
        return torch.cat(predictions, dim=1)

    def _inputs(self, values: Tensor, gaps: Tensor) -> Tensor:
        return torch.cat((values, gaps.unsqueeze(-1)), dim=-1) if self.time_gaps else values
