"""The systems of the long roll-outs, with their rates, initial conditions and accurate trajectories."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from suite.declarations import Meter
from suite.experiments.poli2020.lorenz_settings import LorenzSettings
from suite.models.attractors import Lorenz, Oscillator
from suite.models.hypersolvers import NominalTrajectories, nominal_trajectories

_SPACING = {"lorenz": 0.1, "van-der-pol": 0.4}
"""Time between outputs: the longest step of any method at the lowest rate."""

_EXACT = 1e-12


@dataclass(frozen=True)
class System:
    """A field, and what is asked of methods on it.

    Attributes:
        name: The value of the axis ``system``.
        field: ``f(t, z)``, which does not depend on ``t``.
        rates: Evaluations per unit of time.
        statistics_rates: Those at which the distribution on the attractor is compared.
        horizon: End of the roll-out whose error is measured.
        mean: Of the initial conditions, each coordinate normal with deviation 1.
        device: Where states are.
    """

    name: str
    field: Lorenz | Oscillator
    rates: tuple[int, ...]
    statistics_rates: tuple[int, ...]
    horizon: float
    mean: float
    device: torch.device

    @property
    def spacing(self) -> float:
        """Time between outputs."""
        return _SPACING[self.name]

    def starts(self, count: int, generator: torch.Generator) -> Tensor:
        """Return initial conditions ``[count, d]``."""
        drawn = torch.randn(count, self.field.dimensions, generator=generator, dtype=torch.float64)
        return (self.mean + drawn).to(self.device)

    def outputs(self, end: float) -> list[float]:
        """Return the output times from 0 to an end."""
        return [k * self.spacing for k in range(round(end / self.spacing) + 1)]

    def exact(self, z0: Tensor, end: float) -> NominalTrajectories:
        """Return accurate trajectories; on a chaotic attractor an error of 1e-12 is 1e-8 after ten units of time."""
        return nominal_trajectories(self.field, z0, self.outputs(end), method="dopri8", tolerance=_EXACT)


def systems(settings: LorenzSettings, meter: Meter) -> Iterator[System]:
    """Yield the systems of a cell."""
    for name in settings.systems:
        if name == "lorenz":
            field: Lorenz | Oscillator = Lorenz()
            rates, chosen = settings.lorenz_rates, settings.statistics_rates
            horizon, mean = settings.lorenz_horizon, settings.lorenz_mean
        else:
            field = Oscillator()
            rates = settings.oscillator_rates
            chosen, horizon, mean = rates[: len(settings.statistics_rates)], settings.oscillator_horizon, 0.0
        yield System(name, field.to(meter.device), rates, chosen, horizon, mean, meter.device)
