"""Figure 5 of Massaroli et al. 2020: the reflection by adaptive depth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import nn

from suite.declarations import Cell, Experiment, Meter, Profile, Settings
from suite.experiments.massaroli2020.fig5_paths import record_paths
from suite.experiments.massaroli2020.fig5_settings import Fig5Settings
from suite.experiments.massaroli2020.reflection_grid import floor, grid, held_out_grid
from suite.experiments.massaroli2020.reflection_training import train_to_reflect
from suite.models import parameter_count
from suite.models.depth_varying import DepthConcatenation, DepthField
from suite.models.scalar_maps import AdaptiveMap

MLP = "mlp"
PRIMARY = "depth-varying"


class Fig5(Experiment):
    """``x -> -x`` on [-1, 1] by a field of one dimension that every input follows to a depth ``S(x)`` of its own.

    ``depth-varying`` reads the depth and follows it forwards, ``S >= 0``. ``autonomous-signed`` does not read it, and
    some inputs go backwards. ``autonomous-positive`` cannot do it: 1 needs a field that points down between -1 and 1,
    and -1 one that points up. ``mlp`` is a network of as many parameters as ``depth-varying`` without any field.
    Each trains from several initial weights; ``success_rate`` is the share that learns the map.
    """

    id = "massaroli2020/fig5"
    title = "Figure 5: the reflection in one dimension by adaptive depth"
    variants = (MLP, "autonomous-positive", "autonomous-signed", PRIMARY)
    profiles: ClassVar[Mapping[Profile, Settings]] = {
        "smoke": Fig5Settings(
            points=10, hidden=8, depth_hidden=4, iterations=3, restarts=2, drawn_starts=3, drawn_points=3,
            common_depths=5, path_tolerance=1e-5,
        ),
        "quick": Fig5Settings(iterations=200, restarts=1),
        "laptop": Fig5Settings(restarts=2),
        "paper": Fig5Settings(),
    }  # fmt: skip
    headline = "success_rate"
    paper_cost = "estimated, not measured: 10 minutes for all variants of one seed, all of it the host's"

    def run(self, cell: Cell, meter: Meter) -> None:
        """Train one model from several initial weights, and follow the paths of the best."""
        settings = Fig5Settings.of(cell.settings)
        with meter.initialisation():
            models = [adaptive_model(cell.variant, settings) for _ in range(settings.restarts)]
        x, held_out = grid(settings.points, meter.device), held_out_grid(settings.points, meter.device)
        errors = []
        for restart, model in enumerate(models):
            model.double().to(meter.device)
            course = train_to_reflect(
                model, x, settings.iterations, settings.learning_rate, meter, of=len(models), number=restart
            )
            for iteration, error in course.items():
                meter.record("train_mse", error, "1", restart=restart, iteration=iteration)
            with torch.no_grad():
                errors.append(float((model(x) + x).square().mean()))
                unseen = float((model(held_out) + held_out).square().mean())
            meter.record("mse", errors[-1], "1", restart=restart)
            meter.record("held_out_mse", unseen, "1", restart=restart)
            meter.record("held_out_excess", unseen - floor(held_out), "1", restart=restart)
        best = models[errors.index(min(errors))]
        meter.record("best_mse", min(errors), "1")
        meter.record("success_rate", sum(error < settings.success for error in errors) / len(errors), "1")
        meter.record("success_threshold", settings.success, "1")
        meter.record("parameters", parameter_count(best), "1")
        meter.record("floor", floor(x), "1")
        if isinstance(best, AdaptiveMap):
            meter.record("nfe_forward", best.nfe, "evaluations")
            record_paths(best, settings, meter, drawn=cell.seed == 0)


def adaptive_model(variant: str, settings: Fig5Settings) -> nn.Module:
    """Return the untrained model of a variant."""
    if variant == MLP:
        # One hidden layer of h units has 3 h + 1 parameters.
        units = round((parameter_count(adaptive_model(PRIMARY, settings)) - 1) / 3)
        return nn.Sequential(nn.Linear(1, units), nn.Tanh(), nn.Linear(units, 1))
    reads_depth = variant == PRIMARY
    layers = (nn.Linear(2 if reads_depth else 1, settings.hidden), nn.Tanh(), nn.Linear(settings.hidden, 1))
    field = DepthField(DepthConcatenation(), *layers) if reads_depth else DepthField(*layers)
    network = nn.Sequential(nn.Linear(1, settings.depth_hidden), nn.Tanh(), nn.Linear(settings.depth_hidden, 1))
    return AdaptiveMap(field, network, "signed" if variant == "autonomous-signed" else "positive", settings.tolerance)
