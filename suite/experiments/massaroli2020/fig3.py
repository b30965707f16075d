"""Figure 3 of Massaroli et al. 2020: concentric annuli without augmentation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from suite.datasets.annuli import Annuli
from suite.declarations import Cell, Experiment, Meter, Profile, Settings
from suite.experiments.massaroli2020.annuli_measurements import (
    record_boundary,
    record_crack,
    record_errors,
    record_field_norm,
)
from suite.experiments.massaroli2020.annuli_pictures import record_field, record_labels, record_paths
from suite.experiments.massaroli2020.fig3_models import VARIANTS, new_model
from suite.experiments.massaroli2020.fig3_settings import Fig3Settings
from suite.experiments.massaroli2020.planar_training import Training, train
from suite.models import parameter_count


class Fig3(Experiment):
    """Errors, evaluations, field and crack of models that tell concentric annuli apart, on equal fresh points.

    ``vanilla``, ``depth-concatenated``, both ``galerkin`` and ``stacked`` are flows in the plane, which no parameters
    let separate the annuli; ``data-control`` reads its input. Controls: ``anode`` has one more dimension,
    ``input-network`` a perceptron before a vanilla flow, and ``mlp`` that perceptron without a flow.
    ``galerkin-released`` has the basis of the authors' library, ``galerkin`` the Fourier basis of the paper.
    """

    id = "massaroli2020/fig3"
    title = "Fig. 3: concentric annuli without augmentation"
    variants = VARIANTS
    profiles: ClassVar[Mapping[Profile, Settings]] = {
        "smoke": Fig3Settings(
            training_tolerance=1e-2, gradient="direct", batch_size=32, learning_rate=5e-3, iterations=5, checks=2,
            test_points=200, tolerance=1e-3, circle_points=60, circle_tolerance=1e-4, field_points=20, rays=12,
            boundary_lines=5, boundary_points=21, field_side=3, path_points=2, depths=(0.0, 1.0),
        ),
        "quick": Fig3Settings(
            training_tolerance=1e-3, gradient="direct", batch_size=256, learning_rate=1e-2, iterations=100, checks=5,
            test_points=2_000, circle_points=500, circle_tolerance=1e-6, field_points=200, rays=60, boundary_lines=21,
            boundary_points=101, field_side=9, path_points=8,
        ),
        "laptop": Fig3Settings(
            training_tolerance=1e-3, gradient="direct", batch_size=512, learning_rate=2e-3, iterations=1_000,
            circle_points=4_000,
        ),
        "paper": Fig3Settings(),
    }  # fmt: skip
    headline = "test_error"
    paper_cost = (
        "estimated, not measured: 1 GPU-hour for all variants of one seed on an H200: 2,000 iterations of some 200 "
        "evaluations each, limited by launches"
    )

    def run(self, cell: Cell, meter: Meter) -> None:
        """Train one model on fresh points, then measure it on others and on the two circles."""
        settings = Fig3Settings.of(cell.settings)
        annuli = Annuli(settings.inner_radius, settings.outer_radius, settings.noise, settings.scale)
        points, labels = (
            each.to(meter.device) for each in annuli.sample(settings.test_points, meter.generator("test"))
        )
        with meter.initialisation():
            model = new_model(cell.variant, settings).to(meter.device)
        meter.record("parameters", parameter_count(model), "1")
        how = Training(
            settings.iterations, settings.batch_size, settings.learning_rate, settings.weight_decay, settings.checks
        )
        train(model, annuli.sample, meter.generator("training"), how, meter)
        record_errors(model, points, labels, threshold=settings.threshold, tolerance=settings.tolerance, meter=meter)
        leak = record_crack(
            model,
            annuli,
            points=settings.circle_points,
            threshold=settings.threshold,
            tolerance=settings.circle_tolerance,
            meter=meter,
        )
        record_boundary(
            model,
            settings.window,
            rays=settings.rays,
            through=leak,
            threshold=settings.threshold,
            tolerance=settings.tolerance,
            meter=meter,
        )
        if model.block is not None:
            # Test points come class by class; these are some of both.
            some = points[:: max(1, len(points) // settings.field_points)]
            record_field_norm(model, some, settings.tolerance, meter)
        if cell.seed == 0:
            record_labels(
                model,
                meter,
                window=settings.window,
                lines=settings.boundary_lines,
                points=settings.boundary_points,
                threshold=settings.threshold,
                tolerance=settings.tolerance,
            )
            if model.block is not None:
                record_paths(model, annuli, settings.path_points, settings.tolerance, meter)
                record_field(model, meter, window=settings.window, side=settings.field_side, depths=settings.depths)
