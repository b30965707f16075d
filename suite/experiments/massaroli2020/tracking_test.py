"""What is measured of a trained tracking field: its errors inside and outside the training interval, and pictures."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from suite.declarations import Meter
from suite.experiments.massaroli2020.tracking import signal, squared_distance
from suite.models.two_layer_fields import DepthDependent, RepeatedField
from suite.models.two_layer_fields.parameters_at_depth import flat_parameters
from suite.solvers import solve


@dataclass(frozen=True)
class Tracks:
    """Test trajectories in double precision.

    Attributes:
        depths: Depths of the steps, ``[steps + 1]``; an integer number of them in a unit of depth.
        states: Shape ``[steps + 1, n, 2]``.
    """

    depths: Tensor
    states: Tensor

    @property
    def squared_distances(self) -> Tensor:
        """Squared distances from the signal, shape ``[steps + 1, n]``."""
        return torch.stack([squared_distance(s, z) for s, z in zip(self.depths, self.states, strict=True)])


def follow(field: nn.Module, z0: Tensor, last_depth: int, steps: int) -> Tracks:
    """Solve from ``z0 [n, 2]`` over the depths ``[0, last_depth]`` with ``steps`` of rk4 in each unit of depth.

    The field is evaluated inside the steps alone, so that it may jump where one ends.
    """
    # Each depth is the double closest to the quotient, as the boundaries of pieces are.
    depths = torch.arange(last_depth * steps + 1, dtype=torch.float64) / steps
    states = solve(field, z0, depths, method="rk4", options={"perturb": True}).states
    if not isinstance(states, Tensor):
        raise TypeError("the state is one tensor")
    return Tracks(depths.to(z0.device), states)


@torch.no_grad()
def measure_tracking(
    field: DepthDependent, z0: Tensor, *, last_depth: int, steps: int, drawn_steps: int, meter: Meter
) -> tuple[Tracks, Tracks]:
    """Record the errors of a field, as it goes on by itself and repeated with the period of the signal.

    Args:
        field: A trained field.
        z0: Test conditions, shape ``[n, 2]``.
        last_depth: Where extrapolation ends.
        steps: Steps of rk4 in a unit of depth, and as a control twice as many.
        drawn_steps: Points in a unit of depth of the curve of the error.
        meter: Where to record.

    Returns:
        The test trajectories of both.
    """
    exact = copy.deepcopy(field).double()
    z0 = z0.double()
    own = follow(exact, z0, last_depth, steps)
    repeated = follow(RepeatedField(exact, 1.0), z0, last_depth, steps)
    squares = own.squared_distances
    inside = squares[: steps + 1].mean(dim=1)
    meter.record("test_error", float(torch.trapezoid(inside, dx=1 / steps)), "1")
    meter.record("extrapolation_error", float(squares[steps + 1 :].mean()), "1")
    meter.record("repeated_extrapolation_error", float(repeated.squared_distances[steps + 1 :].mean()), "1")
    for s in range(last_depth + 1):
        meter.record("largest_distance", float(squares[s * steps].max().sqrt()), "length", s=float(s))
    finer = follow(exact, z0, 1, 2 * steps).states[::2]
    meter.record("step_error", float((finer - own.states[: steps + 1]).norm(dim=-1).max()), "length")
    every = steps // drawn_steps
    for index in range(0, len(own.depths), every):
        error = float(squares[index].mean().sqrt())
        meter.record("distance", _digits(error), "length", s=_depth(index, steps))
    return own, repeated


def record_pictures(
    field: DepthDependent,
    tracks: dict[str, Tracks],
    *,
    conditions: int,
    drawn_steps: int,
    parameters: int,
    meter: Meter,
) -> None:
    """Record some test trajectories of either continuation, and the parameters that vary most.

    Args:
        field: A trained field.
        tracks: Test trajectories by the name of how the field goes on, of equal steps.
        conditions: Number of trajectories.
        drawn_steps: Points in a unit of depth.
        parameters: Number of parameters.
        meter: Where to record.
    """
    for name, track in tracks.items():
        steps = round(1 / float(track.depths[1]))
        for index in range(0, len(track.depths), steps // drawn_steps):
            for condition, (first, _) in enumerate(track.states[index, :conditions].tolist()):
                s = _depth(index, steps)
                meter.record("trajectory", _digits(first), "length", continued=name, condition=condition, s=s)
    last = round(float(next(iter(tracks.values())).depths[-1]))
    # In the middle of the intervals, where no piece ends.
    depths = [(number + 0.5) / drawn_steps for number in range(last * drawn_steps)]
    theta = torch.stack([flat_parameters(field, depth).detach().cpu() for depth in depths])
    chosen = theta[:drawn_steps].std(dim=0).topk(parameters).indices
    for depth, values in zip(depths, theta[:, chosen].tolist(), strict=True):
        for number, value in enumerate(values):
            meter.record("parameter", _digits(value), "1", parameter=number, s=depth)


def record_signal(last_depth: int, drawn_steps: int, meter: Meter) -> None:
    """Record the first coordinate of the signal, which trajectories are drawn over."""
    for index in range(last_depth * drawn_steps + 1):
        s = _depth(index, drawn_steps)
        meter.record("signal", _digits(float(signal(torch.tensor(s))[0])), "length", s=s)


def _depth(index: int, steps: int) -> float:
    return round(index / steps, 6)


def _digits(value: float) -> float:
    """Round to the three significant digits that a picture shows."""
    return float(f"{value:.3g}")
