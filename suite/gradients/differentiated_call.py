"""One call of a solve that is differentiated by a backward pass of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from torch import Tensor

from suite.solvers.errors import InvalidProblemError
from suite.solvers.method import Method
from suite.solvers.solution import Solution, Statistics
from suite.solvers.solve import solve
from suite.solvers.state import StateLayout
from suite.solvers.vector_field import PackedField, VectorField

MethodT = TypeVar("MethodT", bound=Method)


@dataclass(eq=False)
class DifferentiatedCall(Generic[MethodT]):
    """What a call fixes beside its tensors, and what its two passes cost.

    Attributes:
        vector_field: The user's function.
        layout: Layout of the state.
        arguments: The other arguments of the solve.
        method: The method, ready to take the options among the arguments.
        statistics: What the forward pass cost.
        backward: What the backward passes cost so far.
    """

    vector_field: VectorField
    layout: StateLayout
    arguments: Mapping[str, Any]
    method: MethodT
    statistics: Statistics = field(default_factory=Statistics)
    backward: Statistics = field(default_factory=Statistics)

    def forward(self, y0: Tensor, t: Tensor, **replaced: Any) -> tuple[Tensor, Solution]:
        """Solve; return the packed states, shape ``[outputs, *state]``, and the solution.

        Args:
            y0: Packed initial state.
            t: Output times.
            replaced: Arguments of the solve that differ from the user's.
        """
        solution = solve(self.vector_field, self.layout.unpack(y0), t, **{**self.arguments, **replaced})
        self.statistics = solution.statistics
        return self.layout.pack(solution.states, lead=1), solution

    def solution(self, states: Tensor, t: Tensor) -> Solution:
        """Return the solution with differentiable states."""
        return Solution(t, self.layout.unpack(states), self.statistics, backward=self.backward)

    def packed_field(self) -> PackedField:
        """Return the vector field for a backward pass, its evaluations not yet counted."""
        return PackedField(self.vector_field, self.layout)


def refuse_dense_and_compiled(name: str, arguments: Mapping[str, Any]) -> None:
    """Refuse dense output, which would carry no gradient, and compiled steps, which are not taken again.

    Args:
        name: The way to differentiate, for the message.
        arguments: The arguments of the solve.

    Raises:
        InvalidProblemError: When either is asked for.
    """
    if arguments["dense"]:
        raise InvalidProblemError(f"{name} does not differentiate dense output; solve with gradient=None")
    if arguments.get("compile"):
        raise InvalidProblemError(
            f"{name} takes its steps again, uncompiled; compile=True goes with gradient=None or Adjoint"
        )
