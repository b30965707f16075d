"""The methods that are timed: each with the least effort that keeps the accuracy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from suite.experiments.poli2020.image_methods import CLASSICAL, Stepping, classical
from suite.experiments.poli2020.image_problem import ends_of
from suite.experiments.poli2020.wall_clock_settings import WallClockSettings
from suite.solvers import solve
from suite.solvers.graphs.choice import GraphChoice

OWN = "dopri5-own"
"""dopri5 at the tolerance that the classifier was trained with: what accuracy and time are compared with."""

ADAPTIVE = {"adaptive-heun": "adaptive_heun", "bosh3": "bosh3", "dopri5": "dopri5"}


class Ends(Protocol):
    """Solves from depth 0 to depth 1."""

    def __call__(self, starts: Tensor, /, graph: GraphChoice = "never") -> Tensor:
        """Return the states at depth 1."""
        ...


@dataclass(frozen=True)
class Contender:
    """A method at one effort.

    Attributes:
        name: The method.
        ends: From states at depth 0 to states at depth 1, with or without recorded steps.
        evaluations: How many of the field it takes, for an adaptive method on the batch that was asked for.
        stepping: The method on equal steps; None for an adaptive one.
        steps: How many; 0 for an adaptive one.
    """

    name: str
    ends: Ends
    evaluations: int
    stepping: Stepping | None = None
    steps: int = 0


def own_solver(field: nn.Module, starts: Tensor, tolerance: float) -> Contender:
    """Return the classifier's own solver."""
    return _adaptive(OWN, "dopri5", field, starts, tolerance)


def fixed(stepping: Stepping, field: nn.Module, evaluations: Sequence[int]) -> Iterator[Contender]:
    """Yield a method on equal steps, with more and more of them."""
    counts = {max(1, evaluation // stepping.stages) for evaluation in evaluations}
    for steps in sorted(counts):
        yield Contender(stepping.name, _steps(stepping, field, steps), stepping.evaluations(steps), stepping, steps)


def _steps(stepping: Stepping, field: nn.Module, steps: int) -> Ends:
    def ends(starts: Tensor, graph: GraphChoice = "never") -> Tensor:
        return ends_of(field, starts, stepping.method, steps, graph)

    return ends


def contenders(
    hyper: Stepping, field: nn.Module, starts: Tensor, settings: WallClockSettings
) -> Mapping[str, list[Contender]]:
    """Return every method with efforts from the least to the largest, the hypersolver last."""
    found = {name: list(fixed(classical(name), field, settings.evaluations)) for name in CLASSICAL}
    for name, method in ADAPTIVE.items():
        found[name] = [_adaptive(name, method, field, starts, tolerance) for tolerance in settings.tolerances]
    return found | {hyper.name: list(fixed(hyper, field, settings.evaluations))}


def least_effort(efforts: Sequence[Contender], losses: Sequence[float], allowed: float) -> Contender | None:
    """Return the contender with the least effort from which on no accuracy loss is larger than allowed.

    Args:
        efforts: From the least to the largest.
        losses: The accuracy loss of each, in points.
        allowed: The largest loss allowed.
    """
    chosen = None
    for contender, loss in zip(reversed(efforts), reversed(losses), strict=True):
        if loss > allowed:
            break
        chosen = contender
    return chosen


def _adaptive(name: str, method: str, field: nn.Module, starts: Tensor, tolerance: float) -> Contender:
    times = torch.tensor([0.0, 1.0], dtype=torch.float64)

    def ends(starts: Tensor, graph: GraphChoice = "never") -> Tensor:
        solution = solve(field, starts, times, method=method, rtol=tolerance, atol=tolerance, graph=graph)
        return cast(Tensor, solution.states)[-1]

    with torch.no_grad():
        solution = solve(field, starts, times, method=method, rtol=tolerance, atol=tolerance)
    return Contender(name, ends, solution.statistics.nfe)
