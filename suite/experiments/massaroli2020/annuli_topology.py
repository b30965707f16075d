"""What no flow in the plane can do to two concentric circles, measured: cracks, maxima and winding numbers.

A flow is a homeomorphism of the plane, whether its field varies with depth or not. The image of a circle is a closed
curve without crossings and that of its inside lies inside, so that

* the curve goes once round the image of the centre: its winding number is 1;
* a linear function of the image is nowhere inside as large as somewhere on the curve.

A linear read-out that is above the threshold somewhere inside is therefore above it on a part of the circle, the crack.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from suite.datasets.annuli import at_angles

PlanarMap = Callable[[Tensor], Tensor]
"""From points ``[n, 2]`` to a number ``[n]`` or a state ``[n, d]`` for each, in double precision and on the CPU."""

_ZOOMED = 8  # how many of the highest points are looked at closer
_POINTS = 17  # in each interval, at each look


@dataclass(frozen=True, eq=False)
class CircleProfile:
    """A function on a circle, known at some angles and linear between them.

    Attributes:
        angles: Rising angles within one turn, in radians, shape ``[n]``.
        values: The function there, shape ``[n]``.
    """

    angles: Tensor
    values: Tensor

    @property
    def largest(self) -> float:
        """The largest value."""
        return float(self.values.max())

    @property
    def angle_of_largest(self) -> float:
        """Where it is, in radians."""
        return float(self.angles[self.values.argmax()])

    def share_above(self, threshold: float) -> float:
        """Return the part of the circle on which the function is above a threshold; exactly 0 where it never is."""
        start, end = self.values - threshold, self.values.roll(-1) - threshold
        lengths = torch.diff(self.angles, append=self.angles[:1] + 2 * math.pi)
        positive, both = start.clamp(min=0) + end.clamp(min=0), start.abs() + end.abs()
        parts = torch.where(both > 0, positive / both.clamp(min=torch.finfo(both.dtype).tiny), 0.0)
        return float((parts * lengths).sum()) / (2 * math.pi)


def look_closer(function: PlanarMap, radius: float, values: Tensor, *, rounds: int = 6) -> CircleProfile:
    """Add points around the highest of evenly spaced ones, closer and closer, so that no peak between them is missed.

    Args:
        function: From points to numbers.
        radius: Of the circle about the origin.
        values: The function at evenly spaced points of the circle, from angle 0; shape ``[n]``.
        rounds: How often the intervals are divided by eight.
    """
    spacing = 2 * math.pi / len(values)
    every_angle = [spacing * torch.arange(len(values), dtype=torch.float64)]
    every_value = [values]
    angles = every_angle[0][values.topk(min(_ZOOMED, len(values))).indices]
    for _ in range(rounds):
        offsets = torch.linspace(-spacing, spacing, _POINTS, dtype=torch.float64)
        candidates = angles[:, None] + offsets
        heights = function(radius * at_angles(candidates.flatten())).reshape(candidates.shape)
        every_angle.append(candidates.flatten().remainder(2 * math.pi))
        every_value.append(heights.flatten())
        angles = candidates.gather(1, heights.argmax(dim=1, keepdim=True)).squeeze(1)
        spacing *= 2 / (_POINTS - 1)
    found, order = torch.cat(every_angle).sort()
    return CircleProfile(found, torch.cat(every_value)[order])


@dataclass(frozen=True)
class Winding:
    """How often the image of a circle goes round a point.

    Attributes:
        number: The winding number, a whole number for a closed curve.
        largest_step: Largest angle between neighbouring image points, in radians: a number found with steps well below
            pi is the curve's own.
        points: Points of the circle that this took.
    """

    number: float
    largest_step: float
    points: int


def winding_number(
    image: PlanarMap, radius: float, count: int, *, finest: float = 0.5, rounds: int = 14, most: int = 100_000
) -> Winding:
    """Count how often the image of a circle goes round the image of the origin, counter-clockwise.

    Args:
        image: From points ``[n, 2]`` to states ``[n, 2]``.
        radius: Of the circle about the origin.
        count: Evenly spaced points to begin with.
        finest: Intervals whose images turn by more, in radians, are halved.
        rounds: How often, at most.
        most: How many points, at most.
    """
    angles = 2 * math.pi / count * torch.arange(count, dtype=torch.float64)
    origin = torch.zeros(1, 2, dtype=torch.float64)
    turned = image(torch.cat([origin, radius * at_angles(angles)]))
    centre, curve = turned[0], turned[1:]
    for _ in range(rounds):
        steps = _turns(curve - centre)
        wide = steps.abs() > finest
        if not bool(wide.any()) or len(angles) + int(wide.sum()) > most:
            break
        ends = torch.cat([angles[1:], angles[:1] + 2 * math.pi])
        middles = (angles[wide] + ends[wide]) / 2
        angles, order = torch.cat([angles, middles]).sort()
        curve = torch.cat([curve, image(radius * at_angles(middles))])[order]
    steps = _turns(curve - centre)
    # The sum over a closed curve is a whole number of turns up to rounding.
    number = round(float(steps.sum()) / (2 * math.pi), 6) + 0.0
    return Winding(number, float(steps.abs().max()), len(angles))


def _turns(vectors: Tensor) -> Tensor:
    """Return the angles from each vector ``[n, 2]`` to the next, and from the last to the first, in (-pi, pi]."""
    following = vectors.roll(-1, 0)
    cross = vectors[:, 0] * following[:, 1] - vectors[:, 1] * following[:, 0]
    return torch.atan2(cross, (vectors * following).sum(dim=1))
