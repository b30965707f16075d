"""An intensity along the path of a latent state, at any event time from the outputs of one solve."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class IntensityPath:
    """Outputs of one solve of the latent state and of the integral of its intensity, on equally spaced times.

    Between two outputs the state is the cubic that joins their values and slopes (Hermite), so that any number of
    event times costs no further step: one gather and one call of the intensity net.

    Attributes:
        start: The first output time.
        spacing: Time between two outputs.
        states: Latent states, shape ``[outputs, batch, latent]``.
        slopes: Their derivatives in time, of the same shape.
        integral: Integral of the intensity from the first output, shape ``[outputs, batch]``.
        rate: The intensity as a function of the latent state.
    """

    start: float
    spacing: float
    states: Tensor
    slopes: Tensor
    integral: Tensor
    rate: nn.Module

    def states_at(self, times: Tensor) -> Tensor:
        """Return latent states at event times.

        Args:
            times: Shape ``[n, events]``; row ``i`` belongs to row ``i`` of the batch, or all rows to a batch of one.

        Returns:
            Shape ``[n, events, latent]``.
        """
        position = (times - self.start) / self.spacing
        left = position.floor().long().clamp(0, len(self.states) - 2)
        row = torch.arange(self.states.shape[1], device=times.device).unsqueeze(-1)
        s = (position - left).unsqueeze(-1)
        y0, y1 = self.states[left, row], self.states[left + 1, row]
        d0, d1 = self.spacing * self.slopes[left, row], self.spacing * self.slopes[left + 1, row]
        step = y1 - y0
        return y0 + s * (d0 + s * ((3 * step - 2 * d0 - d1) + s * (d0 + d1 - 2 * step)))

    def rate_at(self, times: Tensor) -> Tensor:
        """Return the intensity at event times, of their shape ``[n, events]``."""
        found: Tensor = self.rate(self.states_at(times))
        return found

    def log_likelihood(self, times: Tensor, mask: Tensor, first: int = 0) -> Tensor:
        """Return ``sum_i log lambda(t_i) - int lambda dt`` of each sequence, shape ``[n]``.

        Args:
            times: Event times, padded; shape ``[n, events]``.
            mask: Which of them count, shape ``[n, events]``.
            first: Index of the output from which on the integral is taken; the mask has to agree with it.
        """
        logs = torch.where(mask, self.rate_at(times).log(), 0.0)
        return logs.sum(-1) - (self.integral[-1] - self.integral[first])
