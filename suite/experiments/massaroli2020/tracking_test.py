"""What is measured of a trained tracking field: its errors inside and outside the training interval, and pictures."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from suite.declarations import Meter
from suite.experiments.massaroli2020.tracking import signal, squared_distance
from suite.experiments.rounding import significant
from suite.models.two_layer_fields import DepthDependent, RepeatedField
from suite.models.two_layer_fields.parameters_at_depth import flat_parameters
from suite.solvers import solve

_MOST_STEPS = 200_000  # of LSODA, before a field counts as one that cannot be followed


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


def go_on(field: nn.Module, within: Tracks, last_depth: int, tolerance: float) -> Tracks:
    """Follow trajectories on from where they are, by LSODA at a relative and absolute tolerance.

    Parameters that grow with depth make a field stiff there: an explicit method of fixed steps would be unstable and
    tell of itself. The field is smooth there.

    Args:
        field: The field in double precision.
        within: The trajectories so far, in equal steps.
        last_depth: Where they end.
        tolerance: Relative and absolute tolerance.
    """
    so_far = len(within.depths) - 1
    steps = round(so_far / float(within.depths[-1]))
    depths = torch.arange(so_far, last_depth * steps + 1, dtype=torch.float64) / steps
    # States of shape [n, 2] lie one after the other, and none moves another: the Jacobian has three diagonals.
    options = {"solver": "LSODA", "lband": 1, "uband": 1, "max_num_steps": _MOST_STEPS}
    states = solve(
        field, within.states[-1], depths, method="scipy_solver", rtol=tolerance, atol=tolerance, options=options
    ).states
    if not isinstance(states, Tensor):
        raise TypeError("the state is one tensor")
    after = depths[1:].to(within.depths.device)
    return Tracks(torch.cat([within.depths, after]), torch.cat([within.states, states[1:]]))


@torch.no_grad()
def measure_tracking(
    field: nn.Module,
    z0: Tensor,
    *,
    last_depth: int,
    steps: int,
    tolerance: float,
    drawn_steps: int,
    meter: Meter,
) -> tuple[Tracks, Tracks]:
    """Record the errors of a field, as it goes on by itself and repeated with the period of the signal.

    Args:
        field: A trained field.
        z0: Test conditions, shape ``[n, 2]``.
        last_depth: Where extrapolation ends.
        steps: Steps of rk4 in a unit of depth, and as a control twice as many.
        tolerance: Of the solve beyond the training interval, where a field goes on by itself.
        drawn_steps: Points in a unit of depth of the curve of the error.
        meter: Where to record.

    Returns:
        The test trajectories of both.
    """
    exact = copy.deepcopy(field).double()
    z0 = z0.double()
    own = go_on(exact, follow(exact, z0, 1, steps), last_depth, tolerance)
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
        meter.record("distance", significant(error, 3), "length", s=_depth(index, steps))
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
                meter.record("trajectory", significant(first, 3), "length", continued=name, condition=condition, s=s)
    last = round(float(next(iter(tracks.values())).depths[-1]))
    # Twice as dense, for the fastest harmonic; and in the middle of the intervals, where no piece ends.
    count = 2 * drawn_steps
    depths = [(number + 0.5) / count for number in range(last * count)]
    theta = torch.stack([flat_parameters(field, depth).detach().cpu() for depth in depths])
    chosen = theta[:count].std(dim=0).topk(parameters).indices
    for depth, values in zip(depths, theta[:, chosen].tolist(), strict=True):
        for number, value in enumerate(values):
            meter.record("parameter", significant(value, 3), "1", parameter=number, s=round(depth, 6))


def record_signal(last_depth: int, drawn_steps: int, meter: Meter) -> None:
    """Record the first coordinate of the signal, which trajectories are drawn over."""
    for index in range(last_depth * drawn_steps + 1):
        s = _depth(index, drawn_steps)
        meter.record("signal", significant(float(signal(torch.tensor(s))[0]), 3), "length", s=s)


def _depth(index: int, steps: int) -> float:
    return round(index / steps, 6)
