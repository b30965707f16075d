"""Figure 2 of Massaroli et al. 2020: parameters that vary with depth let an ODE track a periodic signal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from suite.declarations import Cell, Experiment, Meter, Profile, Settings
from suite.experiments.massaroli2020.fig2_settings import Fig2Settings
from suite.experiments.massaroli2020.tracking import FIELDS, initial_conditions, tracking_field
from suite.experiments.massaroli2020.tracking_gradient import measure_gradient
from suite.experiments.massaroli2020.tracking_test import measure_tracking, record_pictures, record_signal
from suite.experiments.massaroli2020.tracking_training import train_tracking
from suite.models import parameter_count
from suite.models.two_layer_fields import depth_variation


class Fig2(Experiment):
    """Errors of fields trained with an integral loss on the depths [0, 1], there and in the four periods after it.

    Every basis is that of both layers. ``released`` is what the authors' library calls Fourier, ``fourier-misfit`` has
    another period than the signal. Every trained field is also tested repeated with the signal's period, which tells
    what a basis has learned from how it goes on.
    """

    id = "massaroli2020/fig2"
    title = "Figure 2: tracking a periodic signal with an integral loss, within and beyond the training interval"
    variants = tuple(FIELDS)
    profiles: ClassVar[Mapping[Profile, Settings]] = {
        "smoke": Fig2Settings(
            hidden=6, method="heun3", gradient="direct", batch_size=8, learning_rate=1e-2, iterations=2,
            test_conditions=4, last_depth=2, test_steps=10, gradient_conditions=1, tolerances=(1e-2, 1e-3),
            reference_tolerance=1e-4, drawn_steps=10, drawn_conditions=2,
        ),
        "quick": Fig2Settings(
            hidden=16, method="heun3", gradient="direct", batch_size=32, learning_rate=2e-2, final_learning_rate=0.02,
            iterations=12, test_conditions=20, test_steps=20, gradient_conditions=2, tolerances=(1e-4, 1e-6, 1e-8),
            reference_tolerance=1e-10,
        ),
        "laptop": Fig2Settings(
            hidden=32, method="heun3", gradient="direct", batch_size=64, learning_rate=1e-2, final_learning_rate=0.02,
            iterations=300, test_steps=40, gradient_conditions=4, reference_tolerance=1e-10,
        ),
        "paper": Fig2Settings(),
    }  # fmt: skip
    headline = "extrapolation_error"
    paper_cost = (
        "estimated, not measured: 2 GPU-hours for all variants of one seed on an H200, from evaluations counted on a "
        "CPU; all of it is the host's, as the fields are tiny"
    )

    def run(self, cell: Cell, meter: Meter) -> None:
        """Train one field, then measure its gradients and its errors."""
        settings = Fig2Settings.of(cell.settings)
        with meter.initialisation():
            field = tracking_field(
                cell.variant,
                hidden=settings.hidden,
                degree=settings.degree,
                harmonics=settings.harmonics,
                misfit_period=settings.misfit_period,
            ).to(meter.device)
        meter.record("parameters", parameter_count(field), "1")
        compared = initial_conditions(
            settings.gradient_conditions, settings.deviation, meter.generator("compared gradients")
        ).to(meter.device)
        errors = settings.tolerances, settings.reference_tolerance, meter
        measure_gradient(field, compared, *errors, "gradient_error")
        train_tracking(field, settings, meter)
        measure_gradient(field, compared, *errors, "trained_gradient_error")
        meter.record("depth_variation", depth_variation(field), "1")
        conditions = initial_conditions(
            settings.test_conditions, settings.test_deviation, meter.generator("test conditions")
        ).to(meter.device)
        own, repeated = measure_tracking(
            field,
            conditions,
            last_depth=settings.last_depth,
            steps=settings.test_steps,
            tolerance=settings.beyond_tolerance,
            drawn_steps=settings.drawn_steps,
            meter=meter,
        )
        if cell.seed == 0:
            # A vanilla field is the same at all depths, and one of the right period repeats itself.
            shown = {"own": own} if cell.variant in ("vanilla", "fourier") else {"own": own, "repeated": repeated}
            record_pictures(
                field,
                shown,
                conditions=settings.drawn_conditions,
                drawn_steps=settings.drawn_steps,
                parameters=settings.drawn_parameters,
                meter=meter,
            )
            record_signal(settings.last_depth, settings.drawn_steps, meter)
