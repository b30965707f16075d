"""The plainest estimates of an intensity: one constant rate, or a constant rate in each of several bins."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class HistogramRate:
    """An intensity that is constant in each of several equal bins of ``[0, horizon]``; one bin is a constant rate.

    Attributes:
        rates: Events per unit of time in each bin, shape ``[bins]``.
        horizon: The end of the last bin.
    """

    rates: Tensor
    horizon: float

    @classmethod
    def fitted(cls, times: Tensor, mask: Tensor, horizon: float, bins: int, pseudo_count: float) -> HistogramRate:
        """Fit by maximum likelihood, with a pseudo-count in every bin so that no rate is zero.

        Args:
            times: Event times, shape ``[n, events]``.
            mask: Which of them are events.
            horizon: The end of the observation.
            bins: How many bins.
            pseudo_count: Events added to each bin, over all sequences together.

        Raises:
            ValueError: When there is no bin.
        """
        if bins < 1:
            raise ValueError(f"a histogram has at least one bin, not {bins}")
        counts = torch.bincount(_bin(times[mask], horizon, bins), minlength=bins).to(times.dtype)
        return cls((counts + pseudo_count) / (len(times) * horizon / bins), horizon)

    def rate_at(self, times: Tensor) -> Tensor:
        """Return the rate at every time, of their shape."""
        return self.rates[_bin(times, self.horizon, len(self.rates))]

    def integral(self, start: float) -> Tensor:
        """Return the expected count from ``start`` to the horizon, 0-dimensional."""
        width = self.horizon / len(self.rates)
        left = width * torch.arange(len(self.rates), dtype=self.rates.dtype, device=self.rates.device)
        return (self.rates * (left + width - left.clamp(min=start)).clamp(min=0)).sum()

    def log_likelihood(self, times: Tensor, mask: Tensor, start: float = 0.0) -> Tensor:
        """Return the log-likelihood of each sequence on ``(start, horizon]``, shape ``[n]``.

        Args:
            times: Event times, shape ``[n, events]``.
            mask: Which of them count; has to agree with ``start``.
            start: Start of the interval.
        """
        return torch.where(mask, self.rate_at(times).log(), 0.0).sum(-1) - self.integral(start)


def _bin(times: Tensor, horizon: float, bins: int) -> Tensor:
    return (times / horizon * bins).long().clamp(0, bins - 1)
