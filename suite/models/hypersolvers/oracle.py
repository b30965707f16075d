"""Corrections that are known rather than learned: the exact residual, and the residual with an error of known size."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from suite.solvers import ButcherTableau, solve
from suite.solvers.hyper import StepInputs
from suite.solvers.runge_kutta import RungeKutta
from suite.solvers.vector_field import VectorField


@dataclass(frozen=True)
class OracleCorrection:
    """``g = R``: the scaled local error of the base solver at any state, from an accurate solve over the step.

    Attributes:
        tableau: The base solver.
        field: ``f(s, z)``.
        substep: Largest step of the accurate solver, which is dopri8 on equal steps.
        frozen_step: The step whose residual is returned whatever the step is; the step itself by default.
    """

    tableau: ButcherTableau
    field: VectorField
    substep: float
    frozen_step: float | None = None

    def __call__(self, inputs: StepInputs) -> Tensor:
        """Return the residual at the state of a step.

        Raises:
            TypeError: When the state is a tuple, or the step is no number.
        """
        z, time = inputs.state, float(inputs.time)
        size = float(inputs.step) if self.frozen_step is None else math.copysign(self.frozen_step, float(inputs.step))
        if not isinstance(z, Tensor):
            raise TypeError("the oracle takes a state that is one tensor")
        if self.frozen_step is None:
            slopes = [stage for stage in inputs.stages if isinstance(stage, Tensor)]
            weights = self.tableau.weights.tolist()
            base = z + sum(size * weight * slope for weight, slope in zip(weights, slopes, strict=True))
        else:
            base = RungeKutta(self.tableau, z).step(self.field, time, size, z, None).y1
        residual: Tensor = (self._end(z, time, size) - base) / size ** (self.tableau.order + 1)
        return residual

    def _end(self, z: Tensor, time: float, size: float) -> Tensor:
        count = max(1, math.ceil(abs(size) / self.substep * (1 - 1e-12)))
        times = torch.tensor([time, time + size], dtype=torch.float64)
        options = {"adaptive": False, "step_size": abs(size) / count}
        states = solve(self.field, z, times, method="dopri8", options=options).states
        if not isinstance(states, Tensor):
            raise TypeError("the oracle takes a state that is one tensor")
        return states[-1]


@dataclass(frozen=True)
class DisturbedOracle:
    """``g = R + delta u(z)`` with unit vectors ``u``: a correction whose error ``||R - g||`` is ``delta`` everywhere.

    Attributes:
        oracle: Gives ``R``.
        delta: Size of the error.
        direction: ``u``, of states ``[batch, d]``.
    """

    oracle: OracleCorrection
    delta: float
    direction: Callable[[Tensor], Tensor]

    def __call__(self, inputs: StepInputs) -> Tensor:
        """Return the disturbed residual at the state of a step."""
        residual = self.oracle(inputs)
        state = inputs.state
        if not isinstance(state, Tensor):
            raise TypeError("the oracle takes a state that is one tensor")
        return residual + self.delta * self.direction(state)


def unit_field(z: Tensor) -> Tensor:
    """Return a smooth field of unit vectors that turn with the state, both of shape ``[batch, d]`` with ``d > 1``."""
    turn = z.sum(dim=1, keepdim=True)
    first = torch.cat([turn.cos(), turn.sin()], dim=1)
    return torch.cat([first, z.new_zeros(len(z), z.shape[1] - 2)], dim=1)
