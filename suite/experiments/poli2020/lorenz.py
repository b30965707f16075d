"""Hypersolvers on Lorenz' and Van der Pol's attractors: the authors' tutorial, carried further; not in the paper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from suite.declarations import Cell, Experiment, Meter, Profile, Settings
from suite.experiments.poli2020.lorenz_measures import (
    record_equal_operations,
    record_horizon,
    record_statistics,
    record_step_time,
)
from suite.experiments.poli2020.lorenz_methods import HYPER, method_of, operations_of_step, stages
from suite.experiments.poli2020.lorenz_settings import LorenzSettings
from suite.experiments.poli2020.lorenz_systems import System, systems


class LorenzRollouts(Experiment):
    """Errors over time and statistics of the attractor, at equal evaluations and at equal operations.

    Each hypersolver is fitted to the residuals of the very step that it is tested at. The paper has no such experiment;
    the authors' library has a tutorial on Lorenz, which shows an error and a time of HyperEuler.
    """

    id = "poli2020/lorenz"
    title = "Beyond the paper: long roll-outs of hypersolvers on Lorenz' and Van der Pol's attractors"
    variants = ("euler", "heun", "rk4", "hyper-heun", "hyper-euler")
    profiles: ClassVar[Mapping[Profile, Settings]] = {
        "smoke": LorenzSettings(
            lorenz_rates=(80,), oscillator_rates=(80,), starts=4, train_starts=4, train_time=1.0, samples=400,
            hidden=(8, 8), iterations=5, batch=32, lorenz_horizon=1.0, oscillator_horizon=4.0, statistics_time=2.0,
            statistics_rates=(80,), matched_rate=80, matched_time=0.2, most_evaluations=640, repeats=2,
        ),
        "quick": LorenzSettings(
            lorenz_rates=(80, 160), oscillator_rates=(20, 80), starts=32, train_starts=64, samples=20_000,
            iterations=400, batch=256, lorenz_horizon=5.0, oscillator_horizon=12.0, statistics_time=8.0,
            statistics_rates=(80,), most_evaluations=5_120,
        ),
        "laptop": LorenzSettings(
            lorenz_rates=(40, 80, 160, 320), starts=128, train_starts=128, samples=50_000, iterations=2_000,
        ),
        "paper": LorenzSettings(),
    }  # fmt: skip
    headline = "valid_time"
    alone = ("hyper-euler",)
    paper_cost = "estimated, not measured: 2 hours for all variants of one seed, all of it the host's"

    def run(self, cell: Cell, meter: Meter) -> None:
        """Roll out one method at every rate of every system."""
        settings = LorenzSettings.of(cell.settings)
        for number, system in enumerate(systems(settings, meter)):
            meter.progress(number, len(settings.systems), "systems")
            _measure(cell.variant, system, settings, meter)


def _measure(variant: str, system: System, settings: LorenzSettings, meter: Meter) -> None:
    z0 = system.starts(settings.starts, meter.generator(f"held-out starts of {system.name}"))
    exact = system.exact(z0, system.horizon)
    operations = operations_of_step(variant, system, settings, meter)
    meter.record("operations_of_step", operations, "operations", system=system.name)
    for rate in system.rates:
        method = method_of(variant, system, rate, settings, meter)
        step = stages(variant) / rate
        record_horizon(system, exact, rate, step, method, settings.valid_error, meter)
        record_step_time(system, z0, rate, step, method, settings.repeats, meter)
        if rate in system.statistics_rates:
            record_statistics(system, z0, rate, step, method, settings.statistics_time, meter)
        if rate == settings.matched_rate:
            own = method if variant in HYPER else None
            record_equal_operations(variant, system, z0, own, settings, meter)
