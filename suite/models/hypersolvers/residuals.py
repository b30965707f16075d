"""Residuals of a base solver along nominal trajectories, with what a correction sees there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from suite.models.hypersolvers.trajectories import NominalTrajectories
from suite.solvers import ButcherTableau
from suite.solvers.hyper import StepInputs
from suite.solvers.runge_kutta import RungeKutta
from suite.solvers.vector_field import VectorField


@dataclass(frozen=True)
class ResidualSamples:
    """Steps of a base solver from true states, one a sample.

    Attributes:
        inputs: What a correction sees, all samples in one batch: ``state`` of shape ``[samples, *state]``, ``step`` and
            ``time`` of shape ``[samples, 1, ...]``.
        residuals: ``R = (z(s + eps) - z(s) - eps psi) / eps^(p+1)``, shape ``[samples, *state]``.
    """

    inputs: StepInputs
    residuals: Tensor

    def __len__(self) -> int:
        return len(self.residuals)

    def taken(self, index: Tensor) -> ResidualSamples:
        """Return some of the samples."""
        given = self.inputs

        def of(value: object) -> Tensor:
            if not isinstance(value, Tensor):
                raise TypeError("the samples of a batch are tensors")
            return value[index]

        inputs = replace(
            given,
            step=of(given.step),
            time=of(given.time),
            state=of(given.state),
            stages=[of(stage) for stage in given.stages],
            initial=of(given.initial),
            x=None if given.x is None else of(given.x),
        )
        return ResidualSamples(inputs, self.residuals[index])

    def overwrite(self, others: ResidualSamples) -> None:
        """Take the values of as many other samples, where these are: recorded work on these sees the others then."""
        for own, other in zip(self._tensors(), others._tensors(), strict=True):
            own.copy_(other)

    def _tensors(self) -> list[Tensor]:
        given = self.inputs
        parts = [self.residuals, given.step, given.time, given.state, *given.stages, given.initial, given.x]
        return [part for part in parts if isinstance(part, Tensor)]


@torch.no_grad()
def residual_samples(
    tableau: ButcherTableau,
    field: VectorField,
    trajectories: NominalTrajectories,
    *,
    strides: Sequence[int] = (1,),
    x: Tensor | None = None,
) -> ResidualSamples:
    """Take base steps from every point of nominal trajectories to a later one, and scale what they miss it by.

    The field is that of a trained model and does not change, so that its stages are kept beside the residuals, and
    fitting a correction evaluates the correction alone.

    Args:
        tableau: The base solver.
        field: ``f(s, z)``.
        trajectories: Where the steps start and should end.
        strides: Lengths of the steps in intervals of the grid; the starts of each length tile the trajectory.
        x: What each trajectory is conditioned on, shape ``[batch, ...]``.

    Raises:
        ValueError: When no step of some length fits into the trajectory.
    """
    states, times = trajectories.states, trajectories.times
    stepper = RungeKutta(tableau, states[0])
    initial = states[0]
    pieces: list[tuple[Tensor, ...]] = []
    stages: list[list[Tensor]] = []
    ones = states.new_ones((len(initial), *(1,) * (initial.ndim - 1)))
    for stride in strides:
        starts = range(0, len(times) - stride, stride)
        if not starts:
            raise ValueError(f"no step of {stride} intervals fits into a trajectory of {len(times) - 1}")
        for k in starts:
            start, size = times[k], times[k + stride] - times[k]
            base = stepper.step(field, start, size, states[k], None)
            residual = (states[k + stride] - base.y1) / size ** (tableau.order + 1)
            pieces.append((residual, states[k], size * ones, start * ones))
            stages.append([slope.clone() for slope in base.slopes])
    residuals, state, step, time = (torch.cat(each) for each in zip(*pieces, strict=True))
    joined = [torch.cat(each) for each in zip(*stages, strict=True)]
    count = len(pieces)
    repeated = None if x is None else torch.cat([x] * count)
    return ResidualSamples(StepInputs(step, time, state, joined, torch.cat([initial] * count), repeated), residuals)
