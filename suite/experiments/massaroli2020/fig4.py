"""Figure 4 of Massaroli et al. 2020: one continuous flow for several densities, by control through the class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch

from suite.declarations import Cell, Experiment, Meter, Profile, Settings
from suite.experiments.massaroli2020.fig4_exactness import record_log_determinants, record_round_trips
from suite.experiments.massaroli2020.fig4_pictures import record_pictures, record_ways
from suite.experiments.massaroli2020.fig4_scores import (
    draw_samples,
    record_likelihoods,
    record_mass,
    record_meetings,
    record_samples,
    true_log_density,
)
from suite.experiments.massaroli2020.fig4_settings import Fig4Settings
from suite.experiments.massaroli2020.fig4_training import draw, new_densities, train

MIXTURE = "mixture"
"""Name of what a flow without classes models."""


class Fig4(Experiment):
    """Held-out likelihoods of a class-conditional flow, and whether they are likelihoods.

    ``truth`` scores the densities the data come from, ``unconditional`` is one flow for all classes that is not told
    them, ``self-control`` is controlled by the sample itself as in a benchmark the authors released, ``separate`` is a
    flow for each class, and ``separate-narrow`` the same with the parameters of the conditional flow in all.
    """

    id = "massaroli2020/fig4"
    title = "Figure 4: a continuous flow with data control, conditional on the class"
    variants = ("truth", "unconditional", "self-control", "separate-narrow", "separate", "conditional")
    profiles: ClassVar[Mapping[Profile, Settings]] = {
        "smoke": Fig4Settings(
            hidden=8, layers=1, narrow_hidden=5, tolerance=1e-2, gradient="direct", points_per_class=8, iterations=3,
            learning_rate=1e-2, checks=1, validation_points=20, test_points=100, test_tolerance=1e-3, mass_side=60,
            exact_points=10, exact_tolerance=1e-6, round_trip_tolerances=(1e-3, 1e-4), samples=50, picture_side=6,
        ),
        "quick": Fig4Settings(
            tolerance=1e-3, gradient="direct", points_per_class=64, iterations=20, learning_rate=1e-2, checks=2,
            test_points=500, mass_side=100, exact_points=30, round_trip_tolerances=(1e-3, 1e-5), samples=300,
            picture_side=24,
        ),
        "laptop": Fig4Settings(
            tolerance=1e-3, gradient="direct", points_per_class=64, iterations=600, learning_rate=1e-2, checks=10,
            test_points=4_000, mass_side=140, exact_points=100,
            round_trip_tolerances=(1e-3, 1e-4, 1e-5, 1e-6),
        ),
        "paper": Fig4Settings(),
    }  # fmt: skip
    headline = "test_nll_mean"
    paper_cost = "estimated, not measured: 5 GPU-hours for all variants of one seed on an H200, from laptop iterations"

    def run(self, cell: Cell, meter: Meter) -> None:
        """Train the flows of one variant on every class, and score them on held-out points."""
        settings = Fig4Settings.of(cell.settings)
        names = list(settings.targets())
        test = draw(settings, settings.test_points, meter.generator("test"), meter.device)
        if cell.variant == "truth":
            truth = true_log_density(settings)
            record_likelihoods(truth, test, settings, meter, mixed=True)
            record_mass(truth, names, settings, meter)
            again = draw(settings, settings.samples, meter.generator("second test"), meter.device)
            record_samples(again, test, settings, meter)
            if cell.seed == 0:
                record_pictures(truth, names, settings, meter)
            return
        with meter.initialisation():
            model = new_densities(cell.variant, settings).to(meter.device)
        train(model, settings, meter)
        model.set_tolerance(settings.test_tolerance)
        knows_class = cell.variant not in ("unconditional", "self-control")
        modelled = names if knows_class else [MIXTURE]
        record_log_determinants(model, test, names, settings, meter)
        with torch.no_grad():
            record_likelihoods(model.log_density, test, settings, meter, mixed=knows_class)
            record_mass(model.log_density, modelled, settings, meter)
            if cell.variant != "self-control":  # which has no way back: it would need the sample it is to find
                record_round_trips(model, test, names, settings, meter)
            if knows_class:
                record_samples(draw_samples(model, settings, meter), test, settings, meter)
            if cell.variant == "conditional":
                record_meetings(model, test, settings, meter)
            if cell.seed == 0:
                record_pictures(model.log_density, modelled, settings, meter)
                if cell.variant == "conditional":
                    record_ways(model, names, meter)
