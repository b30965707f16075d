"""A periodic signal tracked by a Galerkin Neural ODE, solved by HyperEuler: an experiment the paper may not have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from torch import nn

from suite.declarations import Cell, Experiment, Meter, ModelSpec, Profile, Settings
from suite.experiments.massaroli2020.tracking_training import train_tracking
from suite.experiments.poli2020.tracking_measures import (
    record_adaptive,
    record_equal_evaluations,
    record_equal_operations,
    record_field,
)
from suite.experiments.poli2020.tracking_methods import CLASSICAL, HYPER, fitted_by_steps
from suite.experiments.poli2020.tracking_problem import galerkin_field, tracking_problem
from suite.experiments.poli2020.tracking_settings import TrackedSettings


class Tracking(Experiment):
    """Absolute errors over depth of HyperEuler and of classical methods, at equal evaluations and equal operations.

    It is not certain that the paper has this experiment: it is recalled with low confidence and may be one of
    *Dissecting Neural ODEs* (Massaroli et al. 2020), whose task and field it takes. Whatever is not settings is ours,
    and no claim here is called the paper's.

    ``field`` trains the Galerkin Neural ODE that all others solve. ``hyper-euler`` is fitted to residuals at one step
    and used at all; ``hyper-euler-refitted`` is fitted at every step that it is used at. Operations are counted for a
    trajectory alone, where putting the parameters of a depth together is most of an evaluation, and in a batch, which
    shares that.
    """

    id = "poli2020/tracking"
    title = "Trajectory tracking by HyperEuler (low confidence that the paper has it)"
    variants = ("field", *CLASSICAL, "dopri5", *HYPER)
    profiles: ClassVar[Mapping[Profile, Settings]] = {
        "smoke": TrackedSettings(
            hidden=6, method="heun3", gradient="direct", batch_size=8, learning_rate=1e-2, iterations=2,
            test_conditions=4, reference_tolerance=1e-6, evaluations=(4, 8), correction_hidden=(3,),
            fit_conditions=8, fit_iterations=3, fit_batch=16, tolerances=(1e-2,),
        ),
        "quick": TrackedSettings(
            hidden=16, method="heun3", gradient="direct", batch_size=32, learning_rate=2e-2, final_learning_rate=0.02,
            iterations=150, test_conditions=40, reference_tolerance=1e-9, evaluations=(4, 8, 12, 16, 32),
            correction_hidden=(8,), fit_conditions=200, fit_iterations=1_000, tolerances=(1e-1, 1e-2, 1e-3),
        ),
        "laptop": TrackedSettings(
            hidden=32, method="heun3", gradient="direct", batch_size=64, learning_rate=1e-2, final_learning_rate=0.02,
            iterations=400, correction_hidden=(16,), fit_iterations=4_000,
        ),
        "paper": TrackedSettings(),
    }  # fmt: skip
    headline = "depth_error"
    paper_cost = "estimated, not measured: 40 minutes for all variants of one seed, all of it the host's"

    def needs(self, cell: Cell) -> Sequence[ModelSpec]:
        """Every method solves the same field."""
        return () if cell.variant == "field" else [self._field]

    @property
    def _field(self) -> ModelSpec:
        return ModelSpec(self.id, "field")

    def build_model(self, cell: Cell) -> nn.Module:
        """Return the untrained field."""
        return galerkin_field(TrackedSettings.of(cell.settings))

    def run(self, cell: Cell, meter: Meter) -> None:
        """Train the field, or solve it by one method."""
        settings = TrackedSettings.of(cell.settings)
        if cell.variant == "field":
            with meter.initialisation():
                field = galerkin_field(settings).to(meter.device)
            train_tracking(field, settings, meter)
            meter.keep(field)
            record_field(tracking_problem(field, settings, meter), settings, meter)
            return
        problem = tracking_problem(meter.trained(self._field), settings, meter)
        if cell.variant == "dopri5":
            record_adaptive(problem, settings.tolerances, meter)
            return
        fitted = fitted_by_steps(cell.variant, problem, settings, meter) if cell.variant in HYPER else {}
        record_equal_evaluations(cell.variant, fitted, problem, settings, meter)
        record_equal_operations(cell.variant, fitted, problem, settings, meter)
