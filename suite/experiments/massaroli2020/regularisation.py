"""Appendices B.1 and B.3 of Massaroli et al. 2020: augmented channels and nodes, and regularised paths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from suite.declarations import Cell, Experiment, Meter, Profile, Settings
from suite.experiments.massaroli2020.augmented_states import classify_digits, classify_nodes
from suite.experiments.massaroli2020.regularisation_settings import RegularisationSettings
from suite.experiments.massaroli2020.regularised_paths import regularise


class Regularisation(Experiment):
    """Augmentation of channels and of nodes against none, and regularisers of several weights.

    ``channels`` and ``nodes`` classify digits and nodes of random graphs, ``-plain`` without augmentation at as many
    parameters. ``kinetic`` and ``jacobian`` train a flow on two spirals once for each weight of the regulariser.
    """

    id = "massaroli2020/regularisation"
    title = "Appendices B.1 and B.3: augmented channels and graphs; kinetic and Jacobian regularisers"
    variants = ("channels-plain", "nodes-plain", "channels", "nodes", "kinetic", "jacobian")
    profiles: ClassVar[Mapping[Profile, Settings]] = {
        "smoke": RegularisationSettings(
            train_images=64, test_images=32, image_hidden=3, image_hidden_plain=14, image_epochs=1, graph_members=8,
            graph_iterations=2, test_graphs=1, points=32, hidden=8, iterations=2, weights=(0.0, 1e-2), tolerance=1e-2,
            test_tolerances=(1e-3,), test_points=40, exact_points=4, probes=200,
        ),
        "quick": RegularisationSettings(
            image_epochs=1, graph_members=40, graph_iterations=30, test_graphs=4, points=256, iterations=30,
            weights=(0.0, 1e-2), test_tolerances=(1e-3, 1e-5), test_points=1_000,
        ),
        "laptop": RegularisationSettings(
            image_epochs=5, graph_iterations=150, test_graphs=10, points=256, iterations=200,
            weights=(0.0, 1e-3, 1e-2, 1e-1), test_points=4_000,
        ),
        "paper": RegularisationSettings(),
    }  # fmt: skip
    datasets = ("digits",)
    headline = "test_accuracy"
    paper_cost = "estimated, not measured: 1 GPU-hour for all variants of one seed on an H200, from laptop iterations"

    def run(self, cell: Cell, meter: Meter) -> None:
        """Train and test one variant."""
        settings = RegularisationSettings.of(cell.settings)
        kind, _, plain = cell.variant.partition("-")
        if kind == "channels":
            classify_digits(settings, meter, augmented=not plain)
        elif kind == "nodes":
            classify_nodes(settings, meter, augmented=not plain)
        else:
            regularise(kind, settings, meter)
