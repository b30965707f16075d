"""What a solve with per-sample step control costs, and how far the samples differ in it."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from suite.solvers.solution import Statistics


def _none() -> Tensor:
    return torch.zeros(0, dtype=torch.long)


@dataclass
class SampleStatistics(Statistics):
    """Cost of a batch, and of each of its samples.

    ``nfe`` counts evaluations for the whole batch. ``accepted`` counts the steps of the batch that at least one sample
    accepted, ``rejected`` the others. ``error_estimate`` is the largest over the samples. Tensors stay on the device;
    reading a property waits for it.

    Attributes:
        accepted_per_sample: Steps accepted by every sample, shape ``[batch]``.
        rejected_per_sample: Steps rejected, likewise.
        failed_per_sample: Samples that did not reach their last output time, likewise.
    """

    accepted_per_sample: Tensor = field(default_factory=_none, compare=False)
    rejected_per_sample: Tensor = field(default_factory=_none, compare=False)
    failed_per_sample: Tensor = field(default_factory=_none, compare=False)

    @property
    def steps_per_sample(self) -> Tensor:
        """Steps tried by every sample, shape ``[batch]``."""
        return self.accepted_per_sample + self.rejected_per_sample

    @property
    def fewest_steps(self) -> int:
        """Steps tried by the sample that needed the fewest."""
        return int(self.steps_per_sample.min())

    @property
    def median_steps(self) -> float:
        """Median of the steps tried."""
        return float(self.steps_per_sample.double().quantile(0.5))

    @property
    def most_steps(self) -> int:
        """Steps tried by the sample that needed the most."""
        return int(self.steps_per_sample.max())

    @property
    def step_spread(self) -> float:
        """The most steps over the fewest: 1 where all samples are alike, and joint control does as well."""
        fewest, most = self.fewest_steps, self.most_steps
        if most == 0:
            return 1.0
        return most / fewest if fewest else float("inf")
