"""The problems on which theorem 1 is measured: fields without time, initial conditions, accurate trajectories."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from suite.declarations import Meter
from suite.experiments.poli2020.theorem1_settings import Theorem1Settings
from suite.models.attractors import Oscillator
from suite.models.dynamics import TanhField
from suite.models.hypersolvers import NominalTrajectories, nominal_trajectories

_DIMENSIONS, _UNITS = 2, 16


@dataclass(frozen=True)
class MeasuredProblem:
    """A field on the unit interval, with held-out trajectories.

    Attributes:
        name: The value of the axis ``problem``.
        field: ``f(s, z)``, which does not depend on ``s``.
        z0: Initial conditions of the held-out trajectories, shape ``[batch, d]``.
        substep: Largest step of the accurate solver, whose errors are rounding errors.
    """

    name: str
    field: nn.Module
    z0: Tensor
    substep: float
    _kept: dict[int, NominalTrajectories] = dataclasses.field(default_factory=dict)

    @property
    def dimensions(self) -> int:
        """Number of dimensions of the state."""
        return self.z0.shape[1]

    @property
    def device(self) -> torch.device:
        """Where states are."""
        return self.z0.device

    def starts(self, count: int, generator: torch.Generator) -> Tensor:
        """Return other initial conditions, shape ``[count, d]``."""
        return _starts(self.name, self.dimensions, count, generator).to(self.device)

    def accurate(self, z0: Tensor, times: Sequence[float]) -> NominalTrajectories:
        """Return trajectories that are exact to rounding."""
        return nominal_trajectories(self.field, z0, times, method="dopri8", step_size=self.substep)

    def on_grid(self, steps: int) -> NominalTrajectories:
        """Return the held-out trajectories on a grid of so many steps; each grid is solved once."""
        if steps not in self._kept:
            self._kept[steps] = self.accurate(self.z0, [k / steps for k in range(steps + 1)])
        return self._kept[steps]


def measured_problems(settings: Theorem1Settings, meter: Meter) -> Iterator[MeasuredProblem]:
    """Yield the problems of a cell, with the same starts for every variant."""
    for name in settings.problems:
        field, dimensions = _field(name, meter)
        z0 = _starts(name, dimensions, settings.starts, meter.generator(f"held-out starts of {name}"))
        yield MeasuredProblem(name, field.to(meter.device), z0.to(meter.device), 1 / settings.oracle_substeps)


def _field(name: str, meter: Meter) -> tuple[nn.Module, int]:
    if name == "van-der-pol":
        return Oscillator(), Oscillator.dimensions
    return TanhField(_UNITS, _DIMENSIONS, meter.generator("perceptron field")), _DIMENSIONS


def _starts(name: str, dimensions: int, count: int, generator: torch.Generator) -> Tensor:
    if name == "van-der-pol":
        return 4 * torch.rand(count, dimensions, generator=generator, dtype=torch.float64) - 2
    return torch.randn(count, dimensions, generator=generator, dtype=torch.float64)
