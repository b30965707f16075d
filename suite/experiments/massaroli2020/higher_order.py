"""Dynamics of higher order in Massaroli et al. 2020 (section 4, appendix B.1): spirals, spheres, an oscillator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from suite.declarations import Cell, Experiment, Meter, Profile, Settings
from suite.experiments.massaroli2020.classified_points import classify_spheres, classify_spirals
from suite.experiments.massaroli2020.higher_order_settings import HigherOrderSettings
from suite.experiments.massaroli2020.oscillator import follow_exactly, learn_oscillator

SPIRALS_ALONE = ("tenth",)
SPHERES_ALONE = ("anode-tutorial", "input-layer-tutorial")
OSCILLATING = ("first", "anode", "second")


class HigherOrder(Experiment):
    """Second, tenth and selective higher order beside first order, with and without augmentation.

    ``anode`` and ``input-layer`` have a state as large as that of ``second``; ``-tutorial`` ones are the wider ones of
    the authors' tutorial on spheres. Order ten learns spirals alone, as there; the oscillator is learned by the kinds
    that one position at rest starts. ``second`` and ``tenth`` also follow a known oscillator.
    """

    id = "massaroli2020/higher-order"
    title = "Section 4 and appendix B.1: second, tenth and selective higher order"
    variants = (
        "first", "anode", "anode-tutorial", "input-layer", "input-layer-tutorial", "selective", "tenth", "second",
    )  # fmt: skip
    profiles: ClassVar[Mapping[Profile, Settings]] = {
        "smoke": HigherOrderSettings(
            spirals_points=32, spirals_epochs=2, spheres_points=32, spheres_epochs=2, hidden=8, tenth_hidden=8,
            tolerance=1e-2, test_points=40, test_tolerances=(1e-2, 1e-3), oscillator_starts=4, oscillator_times=9,
            oscillator_iterations=2, oscillator_test=4, exact_periods=1, exact_tolerances=(1e-3, 1e-5, 1e-7),
            picture_side=4,
        ),
        "quick": HigherOrderSettings(
            spirals_points=256, spirals_epochs=30, spheres_points=256, spheres_epochs=20, tolerance=1e-3,
            test_points=1_000, test_tolerances=(1e-3, 1e-5), oscillator_iterations=40, oscillator_test=16,
        ),
        "laptop": HigherOrderSettings(
            spirals_points=512, spirals_epochs=400, spheres_points=512, spheres_epochs=150, tolerance=1e-3,
            test_points=4_000, oscillator_times=17, oscillator_iterations=200, oscillator_test=32,
        ),
        "paper": HigherOrderSettings(),
    }  # fmt: skip
    headline = "mean_accuracy"
    paper_cost = "estimated, not measured: 1 GPU-hour for all variants of one seed on an H200, from laptop epochs"

    def run(self, cell: Cell, meter: Meter) -> None:
        """Train one kind of dynamics on each of its tasks, and measure it."""
        settings = HigherOrderSettings.of(cell.settings)
        kind = cell.variant
        accuracies = []
        if kind not in SPHERES_ALONE:
            accuracies.append(classify_spirals(kind, settings, meter, with_picture=cell.seed == 0))
        if kind not in SPIRALS_ALONE:
            accuracies.append(classify_spheres(kind, settings, meter))
        meter.record("mean_accuracy", sum(accuracies) / len(accuracies), "%")
        if kind in OSCILLATING:
            learn_oscillator(kind, settings, meter, with_picture=cell.seed == 0)
        if kind in ("second", "tenth"):
            follow_exactly(2 if kind == "second" else 10, settings, meter)
