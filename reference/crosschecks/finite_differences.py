"""The independent truth of a gradient: central differences of a loss solved by scipy."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from reference.crosschecks.gradient_problems import GradientProblem

WRT = ("y0", "parameters", "times")
"""What gradients are taken with respect to."""


def directions(problem: GradientProblem, count: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Return directions of length one to differentiate along, shape ``[directions, size]`` for each of ``WRT``.

    All coordinate axes where there are at most ``count`` of them, else that many random directions.
    """
    chosen = {}
    for wrt, point in _points(problem).items():
        size = point.numel()
        random = torch.randn(count, size, generator=generator).to(torch.float64)
        axes = torch.eye(size, dtype=torch.float64)
        chosen[wrt] = axes if size <= count else random / random.norm(dim=1, keepdim=True)
    return chosen


def directional_derivatives(problem: GradientProblem, along: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the derivative of the loss along each direction by central differences, shape ``[directions]`` each."""
    points = _points(problem)
    derivatives = {}
    for wrt, vectors in along.items():
        values, step = [], problem.reference.step * max(1.0, float(points[wrt].norm()))
        for vector in vectors:
            up, down = (_loss(problem, {**points, wrt: points[wrt] + sign * step * vector}) for sign in (1.0, -1.0))
            values.append((up - down) / (2 * step))
        derivatives[wrt] = torch.tensor(values, dtype=torch.float64)
    return derivatives


def _points(problem: GradientProblem) -> dict[str, Tensor]:
    parameters = parameters_to_vector(problem.field.parameters()).detach()
    return {"y0": problem.y0.reshape(-1), "parameters": parameters, "times": problem.times}


@torch.no_grad()
def _loss(problem: GradientProblem, point: dict[str, Tensor]) -> float:
    before = parameters_to_vector(problem.field.parameters())
    vector_to_parameters(point["parameters"], problem.field.parameters())
    try:
        states = [point["y0"].numpy()]
        for start, end in pairwise(point["times"].tolist()):
            states.append(_advance(problem, start, end, states[-1]))
    finally:
        vector_to_parameters(before, problem.field.parameters())
    outputs = torch.from_numpy(np.stack(states)).reshape(len(states), *problem.y0.shape)
    return float(problem.loss(outputs))


def _advance(problem: GradientProblem, start: float, end: float, state: NDArray[np.float64]) -> NDArray[np.float64]:
    def field(t: float, y: NDArray[np.float64]) -> NDArray[np.float64]:
        time = torch.tensor(t, dtype=torch.float64)
        derivative: Tensor = problem.field(time, torch.from_numpy(y).reshape(problem.y0.shape))
        return derivative.reshape(-1).numpy()

    how = problem.reference
    solution = solve_ivp(field, (start, end), state, method=how.method, rtol=how.tolerance, atol=how.tolerance)
    last: NDArray[np.float64] = solution.y[:, -1]
    return last
