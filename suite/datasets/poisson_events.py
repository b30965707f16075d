"""Event times of inhomogeneous Poisson processes with known intensities, by thinning (Lewis and Shedler, 1979)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

HORIZON = 10.0
"""Every sequence is observed on ``[0, HORIZON]``; the unit of time is ours."""
_NODES = 128  # of Gauss and Legendre: exact to rounding for intensities as smooth as these


@dataclass(frozen=True)
class Intensity:
    """A known intensity ``lambda(t, phase) > 0``, in events per unit of time.

    Attributes:
        name: Its name, as the axis ``intensity`` of a record has it.
        rate: The intensity as a function of times and phases that broadcast together.
        bound: An upper bound of it on ``[0, HORIZON]``.
        random_phase: Whether every sequence has a phase of its own, uniform on the circle; otherwise it is zero.
    """

    name: str
    rate: Callable[[Tensor, Tensor], Tensor]
    bound: float
    random_phase: bool = False

    def integral(self, start: float, end: float, phase: Tensor) -> Tensor:
        """Return ``int lambda dt`` from ``start`` to ``end`` for every phase, shape ``[n]``: the expected count."""
        return self._integrated(start, end, phase, lambda rate: rate)

    def expected_log_likelihood(self, start: float, end: float, phase: Tensor) -> Tensor:
        """Return ``int lambda log lambda - lambda dt`` for every phase, shape ``[n]``.

        It is the mean over sequences of the intensity's own log-likelihood, by Campbell's theorem.
        """
        return self._integrated(start, end, phase, lambda rate: rate * rate.log() - rate)

    def _integrated(self, start: float, end: float, phase: Tensor, integrand: Callable[[Tensor], Tensor]) -> Tensor:
        nodes, weights = (values.to(phase.device) for values in _quadrature())
        times = start + (end - start) * (nodes + 1) / 2
        return (integrand(self.rate(times, phase.unsqueeze(-1))) * weights).sum(-1) * (end - start) / 2


@cache
def _quadrature() -> tuple[Tensor, Tensor]:
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    return torch.from_numpy(nodes), torch.from_numpy(weights)


def _two_bumps(t: Tensor, phase: Tensor) -> Tensor:
    first, second = torch.exp(-(((t - 2.5) / 0.7) ** 2) / 2), torch.exp(-(((t - 6.5) / 1.0) ** 2) / 2)
    return 1.0 + 8.0 * first + 5.0 * second + 0.0 * phase


def _sinusoid(t: Tensor, phase: Tensor) -> Tensor:
    return 4.0 * (1.0 + 0.9 * torch.sin(2 * math.pi * t / 5.0 + phase))


INTENSITIES: Mapping[str, Intensity] = {
    intensity.name: intensity
    for intensity in (
        Intensity("two-bumps", _two_bumps, bound=10.0),
        Intensity("sinusoid", _sinusoid, bound=7.6),
        Intensity("random-phase", _sinusoid, bound=7.6, random_phase=True),
    )
}
"""Two bumps and a sinusoid that all sequences share, and the sinusoid with a phase of its own for each sequence."""


@dataclass(frozen=True, eq=False)
class EventSequences:
    """Sequences of event times, padded to one length.

    Attributes:
        times: Event times in ascending order, padded with ``HORIZON``; shape ``[n, longest]``, double precision.
        mask: Which of them are events; shape ``[n, longest]``, boolean.
        phase: Phase of each sequence, shape ``[n]``; known to the generator, not to a model.
    """

    times: Tensor
    mask: Tensor
    phase: Tensor

    def __len__(self) -> int:
        return len(self.times)

    @property
    def counts(self) -> Tensor:
        """Number of events of each sequence, shape ``[n]``."""
        return self.mask.sum(-1)

    def to(self, device: torch.device) -> EventSequences:
        """Return the sequences on a device."""
        return EventSequences(self.times.to(device), self.mask.to(device), self.phase.to(device))

    def between(self, start: float, end: float) -> Tensor:
        """Return the mask of the events in ``(start, end]``, shape ``[n, longest]``."""
        return self.mask & (self.times > start) & (self.times <= end)


def sample(intensity: Intensity, count: int, generator: torch.Generator) -> EventSequences:
    """Draw sequences on ``[0, HORIZON]`` by thinning.

    A homogeneous process at the rate of the bound has a Poisson number of candidates, uniform on the interval; each is
    kept with probability ``lambda(t) / bound``.

    Args:
        intensity: The intensity.
        count: How many sequences.
        generator: A CPU generator.

    Raises:
        ValueError: When ``count`` is not positive, or the intensity exceeds its bound at a candidate.
    """
    if count < 1:
        raise ValueError(f"at least one sequence is needed, not {count}")
    double = torch.float64
    turns = torch.rand(count, generator=generator, dtype=double)
    phase = 2 * math.pi * turns if intensity.random_phase else torch.zeros(count, dtype=double)
    candidates = torch.poisson(torch.full((count,), intensity.bound * HORIZON, dtype=double), generator=generator)
    longest = int(candidates.max())
    times = HORIZON * torch.rand(count, longest, generator=generator, dtype=double)
    height = intensity.bound * torch.rand(count, longest, generator=generator, dtype=double)
    rate = intensity.rate(times, phase.unsqueeze(-1))
    if bool((rate > intensity.bound).any()):
        raise ValueError(f"the intensity {intensity.name!r} exceeds its bound of {intensity.bound:g}")
    kept = (torch.arange(longest) < candidates.unsqueeze(-1)) & (height < rate)
    times = torch.where(kept, times, torch.inf).sort(-1).values[:, : max(1, int(kept.sum(-1).max()))]
    mask = times.isfinite()
    return EventSequences(torch.where(mask, times, HORIZON), mask, phase)
