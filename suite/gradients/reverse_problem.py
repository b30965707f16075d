"""What the reverse solve of the continuous adjoint starts from, and what it returns."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from suite.gradients.adjoint_norm import AdjointNorm, flat_adjoint_norm
from suite.gradients.augmented import AugmentedField
from suite.gradients.compiled_adjoint import AugmentedEvaluation
from suite.gradients.variants import Variant
from suite.solvers.compiled import CompiledRungeKutta
from suite.solvers.error_norm import ErrorScale
from suite.solvers.method import Method
from suite.solvers.runge_kutta import Field, RungeKutta
from suite.solvers.solution import Statistics
from suite.solvers.tableau import ButcherTableau
from suite.solvers.times import check_times
from suite.solvers.vector_field import PackedField


@dataclass(frozen=True, eq=False)
class ReverseProblem:
    """What the reverse solve starts from.

    Attributes:
        field: The vector field on the packed state.
        parameters: Parameters whose gradient is wanted.
        t: Output times, shape ``[outputs]``.
        states: The stored outputs, shape ``[outputs, n]``.
        cotangents: Gradient of the loss with respect to each, shape ``[outputs, n]``.
        method: Method of the reverse solve.
        rtol: Its relative tolerance.
        atol: Its absolute tolerance.
        options: Its options, without the norm.
        variant: Which adjoint.
        norm: Norm of the parts of the augmented state.
        statistics: Cost of the reverse solve.
        compile: Whether its steps are compiled together with the vector field.
        graph: Whether they are recorded and replayed, see ``suite.solvers.graphs.choice.GraphChoice``.
    """

    field: PackedField
    parameters: tuple[Tensor, ...]
    t: Tensor
    states: Tensor
    cotangents: Tensor
    method: Method
    rtol: float
    atol: float
    options: Mapping[str, Any] | None
    variant: Variant
    norm: AdjointNorm
    statistics: Statistics = dataclasses.field(default_factory=Statistics)
    compile: bool = False
    graph: str = "never"

    @property
    def inside(self) -> tuple[Tensor, ...]:
        """The parameters whose gradient is part of the augmented state."""
        return () if self.variant == "quadrature" and self.method.adaptive else self.parameters

    def scale(self) -> ErrorScale:
        """Return tolerances and norm of the augmented state."""
        norm, entries = flat_adjoint_norm(self.norm, self.field.layout, self.inside)
        return ErrorScale(self.rtol, self.atol, norm, entries)


class Reverse:
    """The augmented state ``z = (y, a, g)`` on its way back; how it goes, subclasses say.

    Attributes:
        fields: The field at outputs, by index, where it came for free.
    """

    def __init__(self, problem: ReverseProblem) -> None:
        self.problem = problem
        self.values = check_times(problem.t)
        problem.statistics.host_syncs += 1
        self.n = problem.states.shape[1]
        self.augmented = AugmentedField(problem.field, problem.inside)
        size = sum(parameter.numel() for parameter in problem.inside)
        last = len(self.values) - 1
        gradient = problem.states.new_zeros(size)
        self.z = torch.cat([problem.states[last], problem.cotangents[last], gradient])
        self.fields: dict[int, Tensor] = {}

    def run(self) -> None:
        """Solve from the last output back to the first."""
        raise NotImplementedError

    def stepper(self, tableau: ButcherTableau, *, interpolated: bool) -> tuple[RungeKutta, Field]:
        """Return what steps the augmented state, and the field to step."""
        problem = self.problem
        if not problem.compile:
            return RungeKutta(tableau, self.z, read=2 * self.n), self.augmented
        evaluation = AugmentedEvaluation.of(problem.field.vector_field, problem.field.layout, problem.inside)
        stepper = CompiledRungeKutta(tableau, problem.field, self.z, interpolated=interpolated, evaluation=evaluation)
        return stepper, stepper.field

    def adjoint(self) -> Tensor:
        """Return ``dL/dy`` at the first time without the cotangent of the first output, shape ``[n]``."""
        return self.z[self.n : 2 * self.n]

    def parameter_gradients(self) -> list[Tensor]:
        """Return one flat gradient for each parameter, once the solve is done."""
        return list(self.z[2 * self.n :].split([parameter.numel() for parameter in self.problem.parameters]))

    def at_output(self, index: int, z: Tensor) -> Tensor:
        """Return ``z`` with the stored state in place of the reconstructed one and the output's cotangent added."""
        n = self.n
        return torch.cat([self.problem.states[index], z[n : 2 * n] + self.problem.cotangents[index], z[2 * n :]])
