"""Densities that are fitted by maximum likelihood: a flow with its base, asked the same questions whatever its kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from suite.models.flows.continuous_flow import ContinuousFlow
from suite.models.flows.gaussian import gaussian_log_density
from suite.models.flows.planar_flow import NormalizingFlow


class DensityModel(nn.Module, ABC):
    """A density between a Gaussian base, at progress 0, and that of the data, at progress 1."""

    @abstractmethod
    def log_density(self, x: Tensor, progress: float = 1.0) -> Tensor:
        """Return the log-density of the model on its way at points ``x [n, 2]``, shape ``[n]``, in nats."""

    @abstractmethod
    def to_base(self, x: Tensor) -> Tensor:
        """Carry data ``x [n, 2]`` back to the base."""

    @abstractmethod
    def path(self, base: Tensor, progress: Sequence[float]) -> Tensor:
        """Carry samples of the base ``[n, 2]`` to the data.

        Args:
            base: Samples of the base density.
            progress: Increasing, from 0 to 1.

        Returns:
            Where the samples are at each progress, shape ``[len(progress), n, 2]``.
        """

    def forward(self, x: Tensor) -> Tensor:
        """Return the negative log-likelihood of data ``x [n, 2]``, the mean over points, in nats."""
        return -self.log_density(x).mean()


class PlanarDensity(DensityModel):
    """A planar normalizing flow that maps data to the base, the direction in which its likelihood is explicit.

    Progress counts layers from the base's end, so that it goes the way samples go.
    """

    def __init__(self, flow: NormalizingFlow, base_variance: float) -> None:
        super().__init__()
        self.flow = flow
        self.base_variance = base_variance

    def log_density(self, x: Tensor, progress: float = 1.0) -> Tensor:
        """Return the log-density of samples that the last ``progress * depth`` layers have been undone on."""
        states, log_dets = self.flow.path(x, self._layer(progress))
        return gaussian_log_density(states[-1], self.base_variance) + log_dets[-1]

    def to_base(self, x: Tensor) -> Tensor:
        """Carry data ``x [n, 2]`` through all layers."""
        return self.flow.path(x)[0][-1]

    def path(self, base: Tensor, progress: Sequence[float]) -> Tensor:
        """Undo the layers one after the other, and return the states of the whole layer nearest to each progress."""
        return self.flow.inverse_path(base)[[self._layer(each) for each in progress]]

    def _layer(self, progress: float) -> int:
        return self.flow.depth - round(progress * self.flow.depth)


class ContinuousDensity(DensityModel):
    """A continuous normalizing flow; progress is the part of its integration time."""

    def __init__(self, flow: ContinuousFlow) -> None:
        super().__init__()
        self.flow = flow

    def log_density(self, x: Tensor, progress: float = 1.0) -> Tensor:
        """Return the log-density at a part of the integration time, by a solve from there back to the base."""
        if progress == 0:  # there is nothing to solve
            return gaussian_log_density(x, self.flow.base_variance)
        times = (progress * self.flow.end_time, 0.0)
        states, changes = self.flow.transport(x, torch.zeros_like(x[:, 0]), times)
        return gaussian_log_density(states[-1], self.flow.base_variance) - changes[-1]

    def to_base(self, x: Tensor) -> Tensor:
        """Carry data ``x [n, 2]`` back in time."""
        states, _ = self.flow.transport(x, torch.zeros_like(x[:, 0]), (self.flow.end_time, 0.0))
        return states[-1]

    def path(self, base: Tensor, progress: Sequence[float]) -> Tensor:
        """Carry samples forward in time in one solve."""
        times = [each * self.flow.end_time for each in progress]
        return self.flow.transport(base, torch.zeros_like(base[:, 0]), times)[0]
