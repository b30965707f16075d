"""The trained Galerkin field in double precision, held-out starts, and their accurate trajectories."""

from __future__ import annotations

import copy
import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from suite.declarations import Meter
from suite.experiments.massaroli2020.tracking import initial_conditions
from suite.experiments.poli2020.tracking_settings import TrackedSettings
from suite.models.hypersolvers import NominalTrajectories, nominal_trajectories
from suite.models.two_layer_fields import DepthDependent, two_layer_field


@dataclass(frozen=True)
class TrackingProblem:
    """A trained field on the depths [0, 1] with held-out initial conditions.

    Attributes:
        field: ``f(s, z)`` of the depth and of states ``[n, 2]``.
        z0: Initial conditions, shape ``[n, 2]``.
        tolerance: Of the accurate trajectories.
    """

    field: nn.Module
    z0: Tensor
    tolerance: float
    _kept: dict[int, NominalTrajectories] = dataclasses.field(default_factory=dict)

    def accurate(self, z0: Tensor, steps: int) -> NominalTrajectories:
        """Return accurate trajectories on the grid of so many equal steps."""
        depths = [k / steps for k in range(steps + 1)]
        return nominal_trajectories(self.field, z0, depths, method="dopri8", tolerance=self.tolerance)

    def on_grid(self, steps: int) -> NominalTrajectories:
        """Return the held-out trajectories on a grid; each is solved once."""
        if steps not in self._kept:
            self._kept[steps] = self.accurate(self.z0, steps)
        return self._kept[steps]


def galerkin_field(settings: TrackedSettings) -> DepthDependent:
    """Return the untrained field: two layers on a Fourier basis of the signal's period."""
    return two_layer_field("fourier", 2, settings.hidden, harmonics=settings.harmonics)


def tracking_problem(trained: nn.Module, settings: TrackedSettings, meter: Meter) -> TrackingProblem:
    """Return the problem that every method is measured on."""
    field = copy.deepcopy(trained).double().requires_grad_(requires_grad=False)
    drawn = initial_conditions(settings.test_conditions, settings.test_deviation, meter.generator("test conditions"))
    return TrackingProblem(field, drawn.double().to(meter.device), settings.reference_tolerance)


def fitting_conditions(settings: TrackedSettings, meter: Meter) -> Tensor:
    """Return the initial conditions that corrections are fitted on, shape ``[n, 2]``."""
    drawn = initial_conditions(settings.fit_conditions, settings.test_deviation, meter.generator("fitting conditions"))
    converted: Tensor = drawn.to(meter.device, torch.float64)
    return converted
