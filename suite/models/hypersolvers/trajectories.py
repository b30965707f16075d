"""Nominal trajectories, which hypersolvers learn from: solved once for each batch of initial conditions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from suite.solvers import find, solve
from suite.solvers.errors import InvalidTypeError
from suite.solvers.vector_field import VectorField


@dataclass(frozen=True)
class NominalTrajectories:
    """Accurate solutions on a time grid.

    Attributes:
        times: The grid, ``K + 1`` times.
        states: States there, shape ``[K + 1, batch, *state]``.
    """

    times: tuple[float, ...]
    states: Tensor

    def chosen(self, index: Tensor) -> NominalTrajectories:
        """Return the trajectories of some samples of the batch."""
        return NominalTrajectories(self.times, self.states[:, index])

    def every(self, stride: int) -> NominalTrajectories:
        """Return them on a coarser grid: every ``stride``-th time."""
        return NominalTrajectories(self.times[::stride], self.states[::stride])


@torch.no_grad()
def nominal_trajectories(
    field: VectorField,
    z0: Tensor,
    times: Sequence[float],
    *,
    method: str = "dopri5",
    tolerance: float = 1e-8,
    step_size: float | None = None,
) -> NominalTrajectories:
    """Solve from a batch of initial conditions, without autograd.

    Steps end on every time of the grid, so that no state is interpolated.

    Args:
        field: ``f(t, z)``.
        z0: Initial conditions, shape ``[batch, *state]``.
        times: The grid.
        method: Method of the accurate ("nominal") solver.
        tolerance: Its tolerance, absolute and relative.
        step_size: Take fixed steps of at most this size between the grid's times instead.

    Raises:
        InvalidTypeError: When the state is a tuple.
    """
    if not isinstance(z0, Tensor):
        raise InvalidTypeError("nominal trajectories are of a state that is one tensor")
    grid = torch.tensor(list(times), dtype=torch.float64)
    options: dict[str, object] = {"step_t": grid}
    if step_size is not None:
        size = step_size
        options = {"grid_constructor": lambda _field, _start, t: _subdivided(t, size)}
        if find(method).adaptive:
            options["adaptive"] = False
    states = solve(field, z0, grid, method=method, rtol=tolerance, atol=tolerance, options=options).states
    if not isinstance(states, Tensor):
        raise InvalidTypeError("nominal trajectories are of a state that is one tensor")
    return NominalTrajectories(tuple(grid.tolist()), states)


def _subdivided(t: Tensor, size: float) -> Tensor:
    """Return a grid through all given times with steps of at most ``size``."""
    times: list[float] = t.tolist()
    points = times[:1]
    for start, end in pairwise(times):
        count = max(1, math.ceil(abs(end - start) / size * (1 - 1e-12)))
        points += [start + (end - start) * index / count for index in range(1, count)]
        points.append(end)
    return torch.tensor(points, dtype=t.dtype)


class TrajectoryCache:
    """Draws batches of initial conditions and solves each once, however many iterations learn from it.

    Attributes:
        solves: How often the nominal solver ran.
    """

    def __init__(
        self,
        draw: Callable[[], Tensor],
        trajectories: Callable[[Tensor], NominalTrajectories],
        refresh: int | None = None,
    ) -> None:
        """Keep one batch at a time.

        Args:
            draw: Returns a new batch of initial conditions.
            trajectories: Solves from it.
            refresh: Draw a new batch every so many iterations; None keeps the first for ever.

        Raises:
            ValueError: When ``refresh`` is below 1.
        """
        if refresh is not None and refresh < 1:
            raise ValueError(f"a batch serves 1 iteration at least, not {refresh}")
        self.solves = 0
        self._draw, self._trajectories, self._refresh = draw, trajectories, refresh
        self._given = False
        self._number = -1
        self._starts: Tensor | None = None
        self._kept: NominalTrajectories | None = None

    @classmethod
    def of(cls, trajectories: NominalTrajectories) -> TrajectoryCache:
        """Keep a batch that whoever gives it has solved, and solves again in a resumed run: its state is not kept."""
        cache = cls(lambda: trajectories.states[0], lambda _: trajectories)
        cache._given = True
        cache.at(0)
        return cache

    def at(self, iteration: int) -> NominalTrajectories:
        """Return the trajectories of an iteration: the same object until a new batch is due."""
        number = 0 if self._refresh is None else iteration // self._refresh
        if self._starts is None or number != self._number:
            self._starts, self._kept, self._number = self._draw(), None, number
            self.solves += 1
        if self._kept is None:
            self._kept = self._trajectories(self._starts)
        return self._kept

    def state_dict(self) -> dict[str, Any]:
        """Return what the present batch is solved from, with its number and that of the solves."""
        starts = None if self._given else self._starts
        device = "cpu" if starts is None else str(starts.device)
        return {"solves": self.solves, "number": self._number, "starts": starts, "device": device}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """Go on with the batch of a state that :meth:`state_dict` returned; it is solved again when it is asked for."""
        self.solves, self._number = state_dict["solves"], state_dict["number"]
        if state_dict["starts"] is not None:
            starts = state_dict["starts"].to(state_dict["device"])
            if self._starts is None or not torch.equal(starts, self._starts):
                self._starts, self._kept = starts, None
