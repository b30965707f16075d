"""The compiled call that a solve makes for its steps, and compiled calls that do some of the same."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from reference.crosschecks.contenders import Run, Solve
from suite.solvers import explicit_methods
from suite.solvers.compiled_graph import Bound, CompiledFunction, Outputs
from suite.solvers.compiled_kept import kept_for
from suite.solvers.step_graph import GridGraph, StepGraph

CALLS = 4
"""Calls that are timed together, so that the clock's resolution is nothing beside them."""


@dataclass(frozen=True, eq=False)
class StepCalls:
    """Calls of compiled code with the same arguments, each made :data:`CALLS` times by a run.

    All have the inputs of the step. ``entry`` reads one number of each and returns as many results as the step, each a
    number; ``products`` returns beside these the matrix products of the step, one after the other. What a step does
    beside ``entry`` and the difference of these two are its fused kernels and the memory that it takes.

    Attributes:
        steps: Steps in one call: one of an adaptive method, several over a fixed grid.
        call: The step.
        products: Its matrix products.
        entry: Next to nothing.
    """

    steps: int
    call: Run
    products: Run
    entry: Run

    @property
    def steps_of_run(self) -> int:
        """Steps in one run."""
        return CALLS * self.steps


def step_calls(solve: Solve, evaluations_per_step: int, size: float) -> StepCalls:
    """Return the calls of a compiled solve that has been run; two small graphs are compiled.

    Args:
        solve: What was solved.
        evaluations_per_step: Of the field.
        size: A step size.
    """
    kept, shape = kept_for(solve.field), solve.y0.shape
    graphs = [each for each in kept.functions if isinstance(each, StepGraph | GridGraph)]
    graph = max((each for each in graphs if each.evaluation.shape == shape), key=_steps)
    steps = _steps(graph)
    with torch.no_grad():
        given = _arguments(solve, graph, size)
        results, call = kept.function(graph).bind(solve.field, *given)
        subject = of_unit_gain(solve.field)
        outputs, evaluations = len(results), steps * evaluations_per_step
        _, products = CompiledFunction(_products(outputs, evaluations)).bind(subject, *given)
        _, entry = CompiledFunction(_entry(outputs)).bind(subject, *given)
    return StepCalls(steps, _repeated(call, given), _repeated(products, given), _repeated(entry, given))


def matrices(field: nn.Module) -> list[Tensor]:
    """Return the matrices that an evaluation multiplies with, shape ``[outputs, inputs]``, in their order."""
    return [parameter for parameter in field.parameters() if parameter.ndim == 2]


def of_unit_gain(field: nn.Module) -> nn.Module:
    """Return a copy whose matrices, one after the other, have spectral radius 1.

    Without what lies between them, products upon products would else vanish, and numbers next to 0 take a processor
    longer than others.
    """
    scaled = copy.deepcopy(field)
    with torch.no_grad():
        each = matrices(scaled)
        product = torch.linalg.multi_dot([*reversed(each)]) if len(each) > 1 else each[0]
        radius = torch.linalg.eigvals(product.double()).abs().max().item()
        for matrix in each:
            matrix.mul_(radius ** (-1 / len(each)))
    return scaled


def _steps(graph: StepGraph | GridGraph) -> int:
    return graph.count if isinstance(graph, GridGraph) else 1


def _arguments(solve: Solve, graph: StepGraph | GridGraph, size: float) -> tuple[Tensor, ...]:
    """Return what the solver gives the graph of its first step when the field at the start is known."""
    nodes = explicit_methods()[solve.arguments["method"]].tableau.nodes
    clock = torch.tensor([*(float(node) * size for node in nodes), size], dtype=solve.y0.dtype)
    f0 = () if graph.fresh else (solve.field(solve.times[0], solve.y0).contiguous(),)
    if isinstance(graph, GridGraph):
        return clock.repeat(graph.count, 1), solve.y0, *f0
    names = () if graph.sizes is None else ("rtol", "atol")
    return clock, solve.y0, *f0, *(torch.tensor(solve.arguments[name], dtype=clock.dtype) for name in names)


def _entry(outputs: int) -> Callable[..., Outputs]:
    def entry(subject: Any, *arguments: Tensor) -> Outputs:
        return _numbers((*arguments, *subject.parameters()), outputs)

    return entry


def _products(outputs: int, evaluations: int) -> Callable[..., Outputs]:
    def products(subject: Any, *arguments: Tensor) -> Outputs:
        state = arguments[1]
        for _ in range(evaluations):
            for matrix in matrices(subject):
                state = torch.mm(state, matrix.t())
        return *_numbers((*arguments, *subject.parameters()), outputs), state

    return products


def _numbers(inputs: Iterable[Tensor], count: int) -> tuple[Tensor, ...]:
    """Return so many numbers that depend on every input."""
    total = torch.zeros(())
    for value in inputs:
        total = total + value.reshape(-1)[0]
    return tuple([total + index for index in range(count)])


def _repeated(call: Bound, given: tuple[Tensor, ...]) -> Run:
    def run() -> None:
        with torch.no_grad():
            for _ in range(CALLS):
                call(*given)

    return run
