"""A perceptron as correction, whose inputs and output are scaled to the size that they have on training samples."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn

from suite.models.hypersolvers.residuals import ResidualSamples
from suite.solvers.hyper import InputForm, StepInputs


class PerceptronCorrection(nn.Module):
    """``g = scale * perceptron((inputs - mean) / deviation)``.

    The last layer starts at zero, so that an untrained hypersolver is its base solver. The paper's networks are not
    scaled; ours are, since residuals of a chaotic system are in the thousands.

    Attributes:
        form: Which inputs it takes.
    """

    mean: Tensor
    deviation: Tensor
    scale: Tensor

    def __init__(
        self,
        channels: int,
        stages: int,
        form: InputForm,
        hidden: tuple[int, ...],
        activation: Callable[[], nn.Module] = nn.SiLU,
    ) -> None:
        """Make an untrained correction.

        Args:
            channels: Dimension of the state.
            stages: Of the base solver.
            form: Which inputs it takes.
            hidden: Units of each hidden layer.
            activation: Makes what comes after each of them.
        """
        super().__init__()
        self.form = form
        inputs = form.width(channels, stages)
        layers: list[nn.Module] = []
        for before, after in pairwise((inputs, *hidden)):
            layers += [nn.Linear(before, after), activation()]
        last = nn.Linear(hidden[-1], channels)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.network = nn.Sequential(*layers, last)
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("deviation", torch.ones(inputs))
        self.register_buffer("scale", torch.ones(channels))

    @torch.no_grad()
    def standardise(self, samples: ResidualSamples) -> None:
        """Take the scales of inputs and output from training samples."""
        joined = self.form.join(samples.inputs)
        deviation = joined.std(dim=0)
        self.mean.copy_(joined.mean(dim=0))
        # An input that never changes, such as the step of a single grid, stays as it is.
        self.deviation.copy_(torch.where(deviation > 1e-8 * joined.abs().amax(dim=0), deviation, 1.0))
        scale = samples.residuals.square().mean(dim=0).sqrt()
        self.scale.copy_(torch.where(scale > 0, scale, 1.0))

    def forward(self, inputs: StepInputs) -> Tensor:
        """Return the correction of states ``[batch, channels]``."""
        scaled = (self.form.join(inputs) - self.mean) / self.deviation
        correction: Tensor = self.scale * self.network(scaled)
        return correction
