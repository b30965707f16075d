"""What Figure 7 records: held-out log-likelihoods, the error of an intensity, and pictures of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from suite.datasets.poisson_events import HORIZON, EventSequences, Intensity
from suite.declarations import Axis, Meter
from suite.experiments.rounding import significant
from suite.models.point_process import HistogramRate

_PHASES = 720  # of the grid on which the posterior of a phase is exact to rounding
_ERROR_TIMES = 401
_DRAWN_SEQUENCES = 3

Rate = Callable[[Tensor], Tensor]
"""An estimated intensity of all test sequences: from times ``[n, m]`` to rates ``[n, m]``."""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Held-out sequences of a known intensity, and the time from which they are scored.

    Attributes:
        intensity: What they came from.
        events: The sequences.
        start: They are observed up to this time, and scored from it.
    """

    intensity: Intensity
    events: EventSequences
    start: float

    @property
    def scored(self) -> Tensor:
        """Mask of the events that are scored."""
        return self.events.between(self.start, HORIZON)

    def of_truth(self) -> Tensor:
        """Return the log-likelihood of the true intensity, phase included; shape ``[n]``."""
        return self._known(self.events.phase, self.scored, self.start, HORIZON)

    def attainable(self) -> Tensor:
        """Return the log-likelihood of the best prediction from what was observed, shape ``[n]``.

        Where the phase is random it is Bayes' prediction by one who knows the family of intensities,
        ``p(second half | first half)`` with the phase integrated out on a grid; otherwise the truth's.
        """
        if not self.intensity.random_phase:
            return self.of_truth()
        before = self.events.between(-1.0, self.start)
        phases = (2 * math.pi / _PHASES * torch.arange(_PHASES, dtype=torch.float64)).to(self.events.times.device)
        past = torch.stack([self._known(phase.expand(len(self.events)), before, 0.0, self.start) for phase in phases])
        future = torch.stack(
            [self._known(phase.expand(len(self.events)), self.scored, self.start, HORIZON) for phase in phases]
        )
        return (past + future).logsumexp(0) - past.logsumexp(0)

    def _known(self, phase: Tensor, mask: Tensor, start: float, end: float) -> Tensor:
        logs = self.intensity.rate(self.events.times, phase.unsqueeze(-1)).log()
        return torch.where(mask, logs, 0.0).sum(-1) - self.intensity.integral(start, end, phase)

    def record_scores(self, found: Tensor, constant: HistogramRate, meter: Meter) -> float:
        """Record the scores of a variant's log-likelihoods, shape ``[n]``, and return its mean negative one.

        ``share_of_gain`` is what it gains over the best constant rate, of what is attainable.
        """
        name = self.intensity.name
        truth, best = self.of_truth(), self.attainable().mean()
        plain = constant.log_likelihood(self.events.times, self.scored, self.start).mean()
        excess = truth - found
        nll = -float(found.mean())
        meter.record("test_nll", nll, "nats", intensity=name)
        meter.record("excess_nll", float(excess.mean()), "nats", intensity=name)
        meter.record("excess_nll_error", float(excess.std()) / math.sqrt(len(excess)), "nats", intensity=name)
        meter.record("attainable_nll", -float(best), "nats", intensity=name)
        meter.record("share_of_gain", float((found.mean() - plain) / (best - plain)), "1", intensity=name)
        return nll

    def record_error(self, rate: Rate, meter: Meter) -> None:
        """Record the relative L2 error of an intensity over the scored interval, all sequences together."""
        times = torch.linspace(self.start, HORIZON, _ERROR_TIMES, dtype=torch.float64, device=self.events.times.device)
        truth = self.intensity.rate(times, self.events.phase.unsqueeze(-1))
        error = (rate(times.expand(len(self.events), -1)) - truth).norm() / truth.norm()
        meter.record("intensity_error", float(error), "1", intensity=self.intensity.name)

    def record_thinning(self, meter: Meter) -> None:
        """Record how far the mean log-likelihood of the truth is from its expectation, in standard errors."""
        found = self.of_truth()
        expected = self.intensity.expected_log_likelihood(self.start, HORIZON, self.events.phase).mean()
        error = found.std() / math.sqrt(len(found))
        name = self.intensity.name
        meter.record("expected_nll", -float(expected), "nats", intensity=name)
        meter.record("thinning_deviation", float((found.mean() - expected).abs() / error), "1", intensity=name)

    def record_picture(self, rate: Rate, points: int, meter: Meter, *, with_events: bool) -> None:
        """Record an intensity along time, of the first sequence, or of the first few where they differ."""
        name = self.intensity.name
        shown = _DRAWN_SEQUENCES if self.intensity.random_phase else 1
        grid = torch.linspace(0.0, HORIZON, points, dtype=torch.float64, device=self.events.times.device)
        values = rate(grid.expand(len(self.events), -1))[:shown].tolist()
        for sequence, row in enumerate(values):
            for time, value in zip(grid.tolist(), row, strict=True):
                axes: dict[str, Axis] = {"intensity": name, "sequence": sequence, "t": significant(time, 4)}
                meter.record("intensity", significant(value, 4), "events per unit of time", **axes)
            if with_events:
                for time in self.events.times[sequence][self.events.mask[sequence]].tolist():
                    meter.record("event_time", significant(time, 4), "1", intensity=name, sequence=sequence)
