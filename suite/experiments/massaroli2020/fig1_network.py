"""A classifier of Figure 1: a field, the solver it is trained with, and its state at the end of depth."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from suite.experiments.massaroli2020.depth_grid import solver_options
from suite.models.depth_varying import StackedField
from suite.models.two_layer_fields import DepthDependent, piecewise_mean
from suite.solvers import Solution, solve


@dataclass(frozen=True)
class DepthClassifier:
    """Points of the plane, carried along depth; the coordinate that is larger at the end is the class.

    Attributes:
        field: The field.
        method: The method of fixed steps that it is trained with.
        steps: Its steps over the depths [0, 1].
        discrete: Whether these steps are the network itself, a ResNet, rather than an approximation of an ODE.
    """

    field: DepthDependent
    method: str
    steps: int
    discrete: bool

    def scores(self, z0: Tensor) -> Tensor:
        """Return ``z(1)`` of points ``[n, 2]`` by the solver of the training."""
        return ends(solve_depth(self.field, z0, method=self.method, steps=self.steps))

    def with_mean_parameters(self) -> DepthClassifier:
        """Return the same with the mean of the parameters over depth at every depth."""
        (mean,) = piecewise_mean(self.field, 1).fields
        # In as many pieces as before, which the steps of the training belong to.
        pieces = len(self.field.fields) if isinstance(self.field, StackedField) else 1
        return DepthClassifier(StackedField([mean] * pieces), self.method, self.steps, self.discrete)


def solve_depth(field: nn.Module, z0: Tensor, *, method: str, steps: int = 1, tolerance: float = 1e-7) -> Solution:
    """Solve over the depths [0, 1], by so many steps of a fixed method or at a tolerance of another.

    Args:
        field: The field.
        z0: Points, shape ``[n, 2]``, or ``[replicas, n, 2]`` where the field is that of replicas.
        method: A method of ``suite.solvers``.
        steps: Equal steps of a method that does not choose them.
        tolerance: Relative and absolute tolerance of one that does.
    """
    interval = torch.tensor([0.0, 1.0], dtype=z0.dtype)
    options = solver_options(field, method, steps, interval)
    return solve(field, z0, interval, method=method, rtol=tolerance, atol=tolerance, options=options)


def ends(solution: Solution) -> Tensor:
    """Return the states at the last depth of a solution."""
    states = solution.states
    if not isinstance(states, Tensor):
        raise TypeError("the state is one tensor")
    return states[-1]


def accuracy(scores: Tensor, labels: Tensor) -> float:
    """Return the share in percent of scores ``[n, 2]`` of which that of the class ``[n]`` is the larger."""
    return 100 * float((scores.argmax(dim=1) == labels).float().mean())
