"""A trained field as the Pareto fronts see it: test states, what is learned from, networks that may be fitted."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from suite.models.hypersolvers import FittingPlan, NominalTrajectories, ResidualSamples
from suite.solvers import CountedField


@dataclass(frozen=True)
class Work:
    """Work that is done once: multiply-accumulates and seconds."""

    macs: float
    seconds: float

    def __add__(self, other: Work) -> Work:
        return Work(self.macs + other.macs, self.seconds + other.seconds)


@dataclass(frozen=True)
class Efforts:
    """At what efforts a field is solved.

    Attributes:
        steps: Of methods on a fixed grid.
        tolerances: Of adaptive methods.
        fitted: Steps that corrections are fitted at.
        hyper: Steps of hypersolvers.
    """

    steps: tuple[int, ...]
    tolerances: tuple[float, ...]
    fitted: tuple[int, ...]
    hyper: tuple[int, ...]

    @property
    def grid(self) -> tuple[float, ...]:
        """The times on which every fitted number of steps fits."""
        intervals = math.lcm(*self.fitted)
        return tuple(k / intervals for k in range(intervals + 1))


@dataclass(frozen=True)
class ParetoCase:
    """A trained field on the unit interval.

    Attributes:
        name: Of the data set.
        field: ``f(s, z)`` of states ``[n, *state]``, which counts its evaluations; its weights do not change.
        evaluation_macs: Multiply-accumulates of one evaluation, for one sample.
        starts: Test states, shape ``[n, *state]``.
        ends: Where they end, solved far more accurately than by any method that is measured, likewise.
        pool: Accurate trajectories from other states, which everything that is fitted learns from.
        pool_work: What solving them cost.
        correction: Makes the untrained correction of a base method, scaled to residual samples of it.
        direct: Makes an untrained network from starts to ends, of at most so many multiply-accumulates a sample.
        plan: How corrections and networks are fitted.
        efforts: At what efforts it is solved.
    """

    name: str
    field: CountedField
    evaluation_macs: float
    starts: Tensor
    ends: Tensor
    pool: NominalTrajectories
    pool_work: Work
    correction: Callable[[str, ResidualSamples], nn.Module]
    direct: Callable[[float], nn.Module]
    plan: FittingPlan
    efforts: Efforts

    @torch.no_grad()
    def errors(self, found: Tensor) -> Tensor:
        """Return the distance of each found end from the exact one, over the mean size of an end; shape ``[n]``."""
        ends = self.ends.flatten(1).double()
        distances = torch.linalg.vector_norm(found.to(ends.device).flatten(1).double() - ends, dim=1)
        relative: Tensor = distances / torch.linalg.vector_norm(ends, dim=1).mean()
        return relative
