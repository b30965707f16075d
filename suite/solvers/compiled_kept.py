"""What compiled steps keep of a vector field from solve to solve."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from types import MethodType
from typing import Any

from suite.solvers.compiled_graph import CompiledFunction, Outputs, Token
from suite.solvers.errors import InvalidProblemError
from suite.solvers.step_graph import Evaluation, GridGraph, StartGraph, StepGraph
from suite.solvers.vector_field import VectorField


@dataclass(eq=False)
class Kept:
    """What is kept of a vector field from solve to solve.

    Attributes:
        functions: Compiled functions.
        bound: Their graphs bound to parameters, by what was found at the search for the first step.
    """

    functions: dict[Evaluation | StepGraph | GridGraph | StartGraph, CompiledFunction] = field(default_factory=dict)
    bound: dict[tuple[StepGraph, tuple[bool, ...], Token], Callable[..., Outputs]] = field(default_factory=dict)

    def function(self, graph: Evaluation | StepGraph | GridGraph | StartGraph) -> CompiledFunction:
        """Return the compiled function of a step, an evaluation or a start."""
        if graph not in self.functions:
            self.functions[graph] = CompiledFunction(graph.function())
        return self.functions[graph]


_kept: dict[int, Kept] = {}


def kept_for(vector_field: VectorField) -> Kept:
    """Return what is kept of a vector field as long as it lives."""
    owner: Any = vector_field.__self__ if isinstance(vector_field, MethodType) else vector_field
    if id(owner) not in _kept:
        try:
            weakref.finalize(owner, _kept.pop, id(owner), None)
        except TypeError:
            raise InvalidProblemError(
                f"compile=True takes a module or a function, not {type(owner).__name__}: it takes no weak reference"
            ) from None
        _kept[id(owner)] = Kept()
    return _kept[id(owner)]
