"""What is measured of a trained classifier of concentric annuli: errors, evaluations, the field, and the crack."""

from __future__ import annotations

import copy
import math
from typing import cast

import torch
from torch import Tensor

from suite.datasets.annuli import Annuli, at_angles, circle
from suite.declarations import Meter
from suite.experiments.massaroli2020.annuli_topology import look_closer, winding_number
from suite.models.planar_classifiers import PlanarClassifier

_RADII = 80  # of the rays on which the boundary is looked for
_DEPTHS = tuple(step / 20 for step in range(21))


def record_errors(
    model: PlanarClassifier, points: Tensor, labels: Tensor, *, threshold: float, tolerance: float, meter: Meter
) -> None:
    """Record mean squared error, accuracy and evaluations on held-out points.

    ``solver_effect`` is how far the accuracy by the solver of the training is from it: a model may have learned its
    solver instead of a flow (Ott et al. 2021).
    """
    predicted = model.predictions(points, tolerance)
    accuracy = _accuracy(predicted, labels, threshold)
    meter.record("test_size", len(labels), "points")
    meter.record("test_mse", float((predicted - labels).square().mean()), "1")
    meter.record("test_accuracy", accuracy, "%")
    meter.record("test_error", 100 - accuracy, "%")
    if model.block is not None:
        with torch.no_grad():
            trained = _accuracy(model(points), labels, threshold)
        meter.record("solver_effect", abs(trained - accuracy), "points")
        batch = points[:: max(1, len(points) // 1024)]
        meter.record("nfe", model.solution(batch, (0.0, 1.0), tolerance).statistics.nfe, "evaluations")


@torch.no_grad()
def record_field_norm(model: PlanarClassifier, points: Tensor, tolerance: float, meter: Meter) -> None:
    """Record the norm of the field along the paths of points, its mean and maximum, and how far the points move.

    The mean over depth from 0 to 1 is the length of the paths.
    """
    states = cast(Tensor, model.solution(points, _DEPTHS, tolerance).states)
    depths = torch.tensor(_DEPTHS, device=points.device)
    norms = torch.stack([model.derivative(s, z, points).norm(dim=1) for s, z in zip(depths, states, strict=True)])
    meter.record("field_norm", float(torch.trapezoid(norms.mean(dim=1), dx=_DEPTHS[1])), "length per depth")
    meter.record("largest_field_norm", float(norms.max()), "length per depth")
    meter.record("displacement", float((states[-1] - states[0]).norm(dim=1).mean()), "length")


def record_boundary(
    model: PlanarClassifier,
    reach: float,
    *,
    rays: int,
    through: float,
    threshold: float,
    tolerance: float,
    meter: Meter,
) -> None:
    """Record how round the inner class is: everything nearer than one radius is in it, and nothing beyond another.

    ``boundary_ratio`` is the second over the first: 1 for a disc, and large where the class leaks out or the centre is
    not in it.

    Args:
        model: The classifier.
        reach: Length of the rays from the origin on which it is looked for.
        rays: How many there are, evenly spaced.
        through: The angle of one more in radians, where a crack is that may lie between the others.
        threshold: Prediction above which a point counts as inner.
        tolerance: Of the solve.
        meter: What to record with.
    """
    radii = torch.linspace(reach / _RADII, reach, _RADII, dtype=torch.float64)
    directions = torch.cat([circle(1.0, rays), at_angles(torch.tensor([through], dtype=torch.float64))])
    points = (radii[:, None, None] * directions).float().to(meter.device)
    inner = (model.predictions(points.flatten(0, 1), tolerance) > threshold).reshape(_RADII, rays + 1).cpu()
    outer_somewhere, inner_somewhere = (~inner).any(dim=1), inner.any(dim=1)
    nearest = radii[outer_somewhere].min() if bool(outer_somewhere.any()) else radii[-1]
    furthest = radii[inner_somewhere].max() if bool(inner_somewhere.any()) else radii[0]
    meter.record("boundary_nearest", float(nearest), "length")
    meter.record("boundary_furthest", float(furthest), "length")
    meter.record("boundary_ratio", max(1.0, float(furthest / nearest)), "1")


def record_crack(
    model: PlanarClassifier, annuli: Annuli, *, points: int, threshold: float, tolerance: float, meter: Meter
) -> float:
    """Record which part of the outer circle is wrongly labelled, and what the theorem says of flows; see the module.

    ``crack_fraction`` is that part, exactly zero when no point is. ``outer_excess`` is how far the largest prediction
    on the outer circle is above the largest on the inner one: positive for every flow in the plane with a linear
    read-out, in any state of training. ``winding_number`` is that of the outer circle's image about the image of the
    origin, where the read-out sees a state in the plane.

    Returns:
        The angle of the largest prediction on the outer circle, in radians.
    """
    exact = copy.deepcopy(model).double()

    def predict(x: Tensor) -> Tensor:
        return exact.predictions(x.to(meter.device), tolerance).cpu()

    # Both circles are solved together, with the same steps.
    outer, inner = predict(torch.cat([circle(annuli.outer, points), circle(annuli.inner, points)])).split(points)
    profile = look_closer(predict, annuli.outer, outer)
    meter.record("crack_fraction", profile.share_above(threshold), "1")
    meter.record("inner_wrong_fraction", int((inner <= threshold).sum()) / points, "1")
    meter.record("largest_outer_prediction", profile.largest, "1")
    meter.record("crack_angle", profile.angle_of_largest, "rad")
    meter.record("outer_excess", profile.largest - float(inner.max()), "1")
    if model.readout.in_features == 2:
        winding = winding_number(
            lambda x: exact.final_states(x.to(meter.device), tolerance).cpu(), annuli.outer, points // 4
        )
        meter.record("winding_number", winding.number, "1")
        meter.record("winding_step", winding.largest_step, "rad")
    return profile.angle_of_largest


def _accuracy(predicted: Tensor, labels: Tensor, threshold: float) -> float:
    right = int(((predicted > threshold) == (labels > 0.5)).sum())
    if not math.isfinite(float(predicted.sum())):
        raise FloatingPointError("a prediction on the test points is not finite")
    return 100 * right / len(labels)
