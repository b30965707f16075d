"""What is measured of a trained field of Figure 1: how it classifies, how it varies with depth, and pictures."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from suite.declarations import Axis, Meter
from suite.experiments.massaroli2020.depth_grid import solver_options
from suite.experiments.massaroli2020.fig1_network import DepthClassifier, accuracy, ends, solve_depth
from suite.experiments.massaroli2020.fig1_settings import Fig1Settings
from suite.experiments.rounding import significant
from suite.models.two_layer_fields import depth_variation, parameters_at, piecewise_mean
from suite.models.two_layer_fields.parameters_at_depth import flat_parameters
from suite.solvers import solve

_DRAWN_PARAMETER_DEPTHS = 40


@dataclass(frozen=True)
class TrainedOn:
    """A trained classifier with fresh points of its data set, and where its measurements go.

    Attributes:
        classifier: The classifier.
        points: Test points, shape ``[n, 2]``.
        labels: Their classes, shape ``[n]``.
        data: Name of the data set, the value of the axis ``data``.
        settings: Settings of the tests.
        meter: Where to record.
    """

    classifier: DepthClassifier
    points: Tensor
    labels: Tensor
    data: str
    settings: Fig1Settings
    meter: Meter

    @torch.no_grad()
    def record_accuracy(self) -> None:
        """Record test accuracy, evaluations by tolerance, and what the solver and the depth variance are worth."""
        adaptive = self._adaptive_accuracy(self.classifier, counted=True)
        stepped = accuracy(self.classifier.scores(self.points), self.labels)
        own = stepped if self.classifier.discrete else adaptive
        self._record("test_accuracy", own, "%")
        self._record("test_error", 100 - own, "%")
        self._record("accuracy_change_by_solver", abs(adaptive - stepped), "points")
        mean = self.classifier.with_mean_parameters()
        if mean.discrete:
            left = accuracy(mean.scores(self.points), self.labels)
        else:
            left = self._adaptive_accuracy(mean, counted=False)
        self._record("accuracy_lost_to_mean", own - left, "points")

    def _adaptive_accuracy(self, classifier: DepthClassifier, *, counted: bool) -> float:
        """Return the accuracy at the tightest tolerance."""
        method = self.settings.test_method
        for tolerance in sorted(self.settings.tolerances, reverse=True):
            solution = solve_depth(classifier.field, self.points, method=method, tolerance=tolerance)
            if counted:
                self._record("nfe_forward", solution.statistics.nfe, "evaluations", tolerance=tolerance)
        return accuracy(ends(solution), self.labels)

    @torch.no_grad()
    def record_depth_variance(self) -> None:
        """Record how much the parameters vary with depth, and their sizes at both ends."""
        field = self.classifier.field
        self._record("depth_variation", depth_variation(field), "1")
        for name, depth in (("start", 0.0), ("end", 1 - 1e-6)):
            largest = max(float(part.abs().max()) for layer in parameters_at(field, depth) for part in layer)
            self._record(f"largest_parameter_{name}", largest, "1")

    @torch.no_grad()
    def record_stacked_limit(self) -> None:
        """Record how far the flow of smooth parameters is from that of their means over more and more pieces."""
        exact = copy.deepcopy(self.classifier.field).double()
        few = self.points[: self.settings.stacked_points].double()
        steps = self.settings.stacked_steps
        smooth = ends(solve_depth(exact, few, method="rk4", steps=steps))
        for pieces in self.settings.stacked_pieces:
            stacked = ends(solve_depth(piecewise_mean(exact, pieces), few, method="rk4", steps=steps))
            distance = float((stacked - smooth).square().sum(dim=1).mean().sqrt())
            self._record("stacked_distance", distance, "length", pieces=pieces)

    @torch.no_grad()
    def record_pictures(self) -> None:
        """Record some test trajectories, solved as in training, and the parameters that vary most."""
        settings, field, method = self.settings, self.classifier.field, self.classifier.method
        depths = torch.arange(settings.drawn_depths + 1, dtype=torch.float32) / settings.drawn_depths
        options = solver_options(field, method, self.classifier.steps, depths)
        drawn = self.points[: settings.drawn_points]
        states = solve(field, drawn, depths, method=method, options={**options, "interp": "cubic"}).states
        if not isinstance(states, Tensor):
            raise TypeError("the state is one tensor")
        labels = self.labels[: settings.drawn_points].tolist()
        for s, at in zip(depths.tolist(), states.tolist(), strict=True):
            for point, ((first, second), label) in enumerate(zip(at, labels, strict=True)):
                where: dict[str, Axis] = {"point": point, "label": label, "s": round(s, 6), "z1": significant(first, 3)}
                self._record("trajectory", significant(second, 3), "length", **where)
        # In the middle of the intervals, where no piece ends.
        middles = [(number + 0.5) / _DRAWN_PARAMETER_DEPTHS for number in range(_DRAWN_PARAMETER_DEPTHS)]
        theta = torch.stack([flat_parameters(field, depth).cpu() for depth in middles])
        chosen = theta.std(dim=0).topk(settings.drawn_parameters).indices
        for s, values in zip(middles, theta[:, chosen].tolist(), strict=True):
            for parameter, value in enumerate(values):
                self._record("parameter", significant(value, 3), "1", parameter=parameter, s=round(s, 6))

    def _record(self, metric: str, value: float, unit: str, **axes: Axis) -> None:
        self.meter.record(metric, value, unit, data=self.data, **axes)
