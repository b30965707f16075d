"""What compiled steps keep of a vector field from solve to solve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from suite.solvers.by_field import ByField
from suite.solvers.compiled_graph import CompiledFunction, Outputs, Token
from suite.solvers.errors import InvalidProblemError
from suite.solvers.step_graph import StepGraph
from suite.solvers.vector_field import VectorField


class Compilable(Protocol):
    """What is fixed in a compiled function, equal to another where that function is the same."""

    def __hash__(self) -> int: ...

    def function(self) -> Callable[..., Outputs]:
        """Return the function of the vector field and tensors that is compiled."""
        ...


@dataclass(eq=False)
class Kept:
    """What is kept of a vector field from solve to solve.

    Attributes:
        functions: Compiled functions.
        bound: Their graphs bound to parameters, by what was found at the search for the first step.
    """

    functions: dict[Compilable, CompiledFunction] = field(default_factory=dict)
    bound: dict[tuple[StepGraph, tuple[bool, ...], Token], Callable[..., Outputs]] = field(default_factory=dict)

    def function(self, graph: Compilable) -> CompiledFunction:
        """Return the compiled function of a step, an evaluation or a start."""
        if graph not in self.functions:
            self.functions[graph] = CompiledFunction(graph.function())
        return self.functions[graph]


_kept = ByField(Kept)


def kept_for(vector_field: VectorField) -> Kept:
    """Return what is kept of a vector field as long as it lives.

    Raises:
        InvalidProblemError: When it takes no weak reference.
    """
    try:
        return _kept.of(vector_field)
    except TypeError:
        raise InvalidProblemError(
            f"compile=True takes a module or a function, not {type(vector_field).__name__}: it takes no weak reference"
        ) from None
